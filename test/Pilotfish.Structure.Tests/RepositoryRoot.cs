namespace Pilotfish.Structure.Tests;

/// <summary>Finds the checkout that the running test was built from.</summary>
internal static class RepositoryRoot
{
    /// <summary>The folder that holds Pilotfish.slnx.</summary>
    public static string Path { get; } = Find();

    /// <summary>Every file of ours below <paramref name="folder"/> with the given ending, without build output.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(System.IO.Path.Combine(Path, folder), pattern, SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/") && !file.Contains("/bin/") && !file.Contains("/artifacts/"));

    private static string Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Pilotfish.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName
            ?? throw new InvalidOperationException($"No Pilotfish.slnx stands above '{AppContext.BaseDirectory}'.");
    }
}

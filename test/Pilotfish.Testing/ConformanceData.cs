namespace Pilotfish.Testing;

/// <summary>Finds the recorded cases: the folder `shared/conformance` beside the repository's root.</summary>
public static class ConformanceData
{
    public static string Folder(string name)
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "shared", "conformance", name);
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        throw new DirectoryNotFoundException(
            $"No folder 'shared/conformance/{name}' was found beside any parent of '{AppContext.BaseDirectory}'.");
    }
}

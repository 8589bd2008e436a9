using System.Diagnostics;

namespace Pilotfish.EndToEnd;

/// <summary>The `pilotfish` that is tested: the published one when there is one, else the build's.</summary>
internal static class Executable
{
    /// <summary>The repository.</summary>
    public static string Root { get; } = FindRoot();

    public static bool IsPublished { get; } = File.Exists(System.IO.Path.Combine(Root, "artifacts", "pilotfish"));

    public static string Path { get; } = System.IO.Path.Combine(
        Root, "artifacts", IsPublished ? "pilotfish" : System.IO.Path.Combine("build", "bin", "Pilotfish", "debug", "pilotfish"));

    /// <summary>Runs it to its end.</summary>
    public static Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] args) => RunInAsync("", args);

    /// <summary>Likewise, in a folder.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> RunInAsync(string folder, params string[] args)
    {
        using Process process = StartIn(folder, args);
        CancellationToken cancel = TestContext.Current.CancellationToken;
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancel);
        Task<string> error = process.StandardError.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        return (process.ExitCode, await output, await error);
    }

    public static Process Start(params string[] args) => StartIn("", args);

    private static Process StartIn(string folder, string[] args) => Process.Start(
        new ProcessStartInfo(Path, args) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder })!;

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(at.FullName, "Pilotfish.slnx")))
            {
                return at.FullName;
            }
        }

        throw new FileNotFoundException("No parent folder of the tests holds Pilotfish.slnx.");
    }
}

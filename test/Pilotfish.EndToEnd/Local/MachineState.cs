using System.Diagnostics;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Local;

/// <summary>
/// What a program could leave on a machine: namespaces, links, packet rules, mounts, folders, and processes that have the mark in their
/// environment. Containers have an environment of their own, but live and die with their namespaces' first process, which has it.
/// </summary>
internal sealed class MachineState
{
    public const string MarkName = "PILOTFISH_TEST_MARK";

    private readonly string _before;

    private MachineState() => _before = Read();

    public string Mark { get; } = Guid.NewGuid().ToString();

    public static MachineState Take() => new();

    /// <summary>A process that was killed is seen for a moment longer.</summary>
    public async Task AssertSameAsync()
    {
        long began = Stopwatch.GetTimestamp();
        while (Read() != _before && Stopwatch.GetElapsedTime(began) < Patience.Limit)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        }

        Assert.Equal(_before, Read());
    }

    private string Read() => string.Join('\n',
    [
        "namespaces: " + string.Join(' ', Names("/run/netns").Where(name => name.StartsWith("pf-", StringComparison.Ordinal))),
        "meshes: " + string.Join(' ', Names("/run/pilotfish")),
        "demo folders: " + string.Join(' ', Names("/tmp").Where(name => name.StartsWith("pilotfish-demo", StringComparison.Ordinal))),
        "links: " + string.Join(' ', Names("/sys/class/net")),
        "rules: " + Print("iptables-save", "-t", "nat") + Print("iptables-save", "-t", "filter"),
        "mounts: " + string.Join(' ', File.ReadLines("/proc/self/mounts").Where(line => line.Contains("pilotfish", StringComparison.Ordinal))),
        "processes: " + string.Join(' ', Processes()),
    ]);

    private static IEnumerable<string> Names(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateFileSystemEntries(folder).Select(path => Path.GetFileName(path)!).Order() : [];

    private IEnumerable<string> Processes() => Directory.EnumerateDirectories("/proc")
        .Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0]))
        .Where(path => TryRead(path + "/environ").Contains($"{MarkName}={Mark}", StringComparison.Ordinal))
        .Select(path => TryRead(path + "/cmdline").Replace('\0', ' ')).Order();

    private static string TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return "";
        }
    }

    // Counters and dates of the comment lines differ from one call to the next.
    private static string Print(string program, params string[] args)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return string.Join('\n', text.Split('\n').Where(line => line.StartsWith('-')));
    }
}

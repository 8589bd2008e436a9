using System.Diagnostics;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Testing.Namespaces;

/// <summary>A network namespace of a test's own, with a random name, removed when the test ends however it ends.</summary>
public sealed class TestNamespace : IDisposable
{
    private readonly List<NetworkNamespaceThread> _threads = [];

    private TestNamespace(string name) => Name = name;

    public string Name { get; }

    public string Path => "/run/netns/" + Name;

    /// <summary>Makes one with its loopback up. Skips (or, in CI, fails) the test where root or `ip` is missing.</summary>
    public static TestNamespace Create()
    {
        Prerequisite.Root();
        Prerequisite.Program("ip", "nsenter");
        var made = new TestNamespace("pft-" + Guid.NewGuid().ToString("N")[..10]);
        Ip("netns", "add", made.Name);
        try
        {
            Ip("-n", made.Name, "link", "set", "lo", "up");
            return made;
        }
        catch (InvalidOperationException)
        {
            // Nobody holds the namespace yet, so nobody else would remove it.
            made.Dispose();
            throw;
        }
    }

    /// <summary>Joins two namespaces by a link `eth0` each, with these addresses (IPv6 usable at once).</summary>
    public static void Join(TestNamespace a, IReadOnlyList<string> addressesOfA, TestNamespace b, IReadOnlyList<string> addressesOfB)
    {
        Ip("-n", a.Name, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b.Name);
        foreach ((TestNamespace side, IReadOnlyList<string> addresses) in new[] { (a, addressesOfA), (b, addressesOfB) })
        {
            foreach (string address in addresses)
            {
                // Duplicate address detection would keep IPv6 addresses unusable for a second.
                string[] nodad = address.Contains(':', StringComparison.Ordinal) ? ["nodad"] : [];
                Ip(["-n", side.Name, "addr", "add", address, "dev", "eth0", .. nodad]);
            }

            Ip("-n", side.Name, "link", "set", "eth0", "up");
        }
    }

    /// <summary>A thread inside, on which the test makes sockets; as another user when one is given.</summary>
    public NetworkNamespaceThread Enter(uint? uid = null, uint? gid = null)
    {
        var thread = NetworkNamespaceThread.Enter(Path, uid, gid);
        _threads.Add(thread);
        return thread;
    }

    /// <summary>Runs a program inside and returns what it printed; a failure fails the test.</summary>
    public string Run(string program, params string[] args) => Execute("ip", ["netns", "exec", Name, program, .. args]);

    public void Dispose()
    {
        _threads.ForEach(thread => thread.Dispose());
        Ip("netns", "delete", Name);
    }

    private static void Ip(params string[] args) => Execute("ip", args);

    private static string Execute(string program, IReadOnlyList<string> args)
    {
        var start = new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode == 0)
        {
            return output;
        }

        // The code tells a program that was killed (128 + signal) from one that failed without a word.
        throw new InvalidOperationException(
            $"'{program} {string.Join(' ', args)}' ended with {process.ExitCode}: {error.GetAwaiter().GetResult()}");
    }
}

using System.Diagnostics;
using Pilotfish.Capture.Cni.Repair;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.Capture.Tests.Cni.Repair;

public sealed class ProcNetworkNamespacesTests : IDisposable
{
    private const string FibTrie = """
        Main:
          +-- 0.0.0.0/0 3 0 5
             |-- 10.1.0.0
                /24 link UNICAST
             |-- 10.1.0.9
                /32 host UNICAST
        Local:
          +-- 0.0.0.0/0 3 0 5
             |-- 10.1.0.5
                /32 host LOCAL
             |-- 127.0.0.1
                /32 host LOCAL
        """;

    private readonly string _proc = Directory.CreateTempSubdirectory("pilotfish-proc-").FullName;

    public void Dispose() => Directory.Delete(_proc, recursive: true);

    [Theory]
    [InlineData("10.1.0.5")]
    [InlineData("fd00::5")]
    public void Address_OfSeveralProcesses_GivesTheOldest(string address)
    {
        Fake("1", FibTrie.Replace("10.1.0.5", "192.168.0.1", StringComparison.Ordinal), "fd000000000000000000000000000009", started: 1);
        Fake("30", FibTrie, "fd000000000000000000000000000005", started: 900);
        Fake("200", FibTrie, "fd000000000000000000000000000005", started: 500);
        Fake("self", FibTrie, "fd000000000000000000000000000005", started: 2);
        Directory.CreateDirectory(Path.Combine(_proc, "77"));

        Assert.Equal(Path.Combine(_proc, "200", "ns", "net"), new ProcNetworkNamespaces(_proc).Find(address));
    }

    [Theory]
    [InlineData("10.1.0.9")]
    [InlineData("10.1.0.0")]
    [InlineData("fd00::6")]
    [InlineData("")]
    [InlineData("no address")]
    public void Address_OfNobody_GivesNothing(string address)
    {
        Fake("30", FibTrie, "fd000000000000000000000000000005", started: 900);

        Assert.Null(new ProcNetworkNamespaces(_proc).Find(address));
    }

    [Fact]
    public void Folder_ThatIsMissing_IsNamed()
    {
        CaptureException e = Assert.Throws<CaptureException>(() => new ProcNetworkNamespaces("/no/such/proc").Find("10.1.0.5"));

        Assert.Contains("'/no/such/proc' is not there", e.Message, StringComparison.Ordinal);
        Assert.Contains("--repair-delete-pods", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RealNamespace_OfARunningProcess_IsFound(bool v6)
    {
        // An address that no namespace of another test has: the whole machine's processes are looked through.
        int own = Environment.ProcessId;
        string v4Address = $"10.201.{(own >> 8) & 0xff}.{own & 0xff}", v6Address = $"fd99:1::{own & 0xffff:x}";
        using TestNamespace pod = TestNamespace.Create();
        using TestNamespace peer = TestNamespace.Create();
        TestNamespace.Join(pod, [v4Address + "/32", v6Address + "/128"], peer, []);
        using Process inside = Process.Start(
            new ProcessStartInfo("ip", ["netns", "exec", pod.Name, "sh", "-c", "echo there; exec sleep 600"]) { RedirectStandardOutput = true })!;
        try
        {
            Assert.Equal("there", inside.StandardOutput.ReadLine());

            string? path = new ProcNetworkNamespaces("/proc").Find(v6 ? v6Address : v4Address);

            Assert.NotNull(path);
            Assert.Equal(new FileInfo($"/proc/{inside.Id}/ns/net").LinkTarget, new FileInfo(path).LinkTarget);
        }
        finally
        {
            inside.Kill();
        }
    }

    private void Fake(string name, string fibTrie, string v6, int started)
    {
        string folder = Path.Combine(_proc, name);
        Directory.CreateDirectory(Path.Combine(folder, "net"));
        File.WriteAllText(Path.Combine(folder, "net", "fib_trie"), fibTrie);
        File.WriteAllText(Path.Combine(folder, "net", "if_inet6"), v6 + " 02 40 00 80     eth0\n");
        File.WriteAllText(Path.Combine(folder, "stat"), $"{name} (a) b) S {string.Join(' ', Enumerable.Repeat("0", 18))} {started} 0 0\n");
    }
}

using System.Net;
using System.Net.Sockets;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;

namespace Pilotfish.Capture.Tests;

/// <summary>A captured pod in one cell of the matrix: iptables or nftables, REDIRECT or TPROXY, IPv4 or IPv6.</summary>
internal sealed class MatrixPod : IDisposable
{
    private readonly CapturedPod _pod;
    private readonly Dictionary<ProtocolType, DnsPair> _dns = [];
    private readonly string _mode;
    private readonly bool _nftables;

    public MatrixPod(bool nftables, string mode, bool v6)
    {
        _nftables = nftables;
        _mode = mode;
        _pod = new CapturedPod(nftables, transparent: mode == "TPROXY");
        (Own, Peer, Loopback, PassthroughSource) = v6
            ? (CapturedPod.PodV6, CapturedPod.PeerV6, "::1", "::6")
            : (CapturedPod.PodV4, CapturedPod.PeerV4, "127.0.0.1", "127.0.0.6");
        PeerRange = v6 ? "fd99::/64" : "10.99.0.0/24";
        OtherRange = v6 ? "fd55::/64" : "10.55.0.0/16";
        OtherServer = v6 ? "fd99::77" : "10.99.0.77";
    }

    public string Own { get; }

    public string Peer { get; }

    public string Loopback { get; }

    public string PassthroughSource { get; }

    /// <summary>Where the peer is.</summary>
    public string PeerRange { get; }

    /// <summary>Where nobody is.</summary>
    public string OtherRange { get; }

    /// <summary>A resolver that nobody asks.</summary>
    public string OtherServer { get; }

    public string InboundToSelf => $"inbound {Shown(Own)}:{CapturedPod.AppPort}";

    public string OutboundToPeer => $"outbound {Shown(Peer)}:{CapturedPod.AppPort}";

    public void Capture(params string[] flags) => CaptureWith(null, flags);

    public void CaptureWith(Dictionary<string, string>? environment, params string[] flags)
    {
        CommandRun run = CommandRun.Of(
            ["-p", "15001", "-z", "15006", "-u", "1337", "-m", _mode, "--ipv6=true", "--network-namespace", _pod.Pod.Name,
                $"--native-nftables={_nftables}", .. flags],
            environment ?? []);
        Assert.True(run.ExitCode == 0, run.Error);
    }

    public Task<string> FromPeer() => CapturedPod.Dial(_pod.Peer.Enter(), Own, CapturedPod.AppPort);

    public Task<string> FromPod(uint uid, uint gid, string to, string? bindTo = null) =>
        CapturedPod.Dial(_pod.Pod.Enter(uid, gid), to, CapturedPod.AppPort, bindTo);

    /// <summary>Sends a question to the peer's DNS port and says who got it: the agent or the resolver.</summary>
    public async Task<string> AskDns(ProtocolType protocol, uint uid, uint gid)
    {
        if (!_dns.TryGetValue(protocol, out DnsPair? pair))
        {
            NetworkNamespaceThread agent = _pod.Pod.Enter(CapturedPod.ProxyUser, CapturedPod.ProxyUser);
            _dns[protocol] = pair = new DnsPair(protocol, agent, Loopback, _pod.Peer.Enter(), Peer);
        }

        using Socket client = DnsPair.NewSocket(protocol, _pod.Pod.Enter(uid, gid), Peer);
        using var deadline = new CancellationTokenSource(Patience.Limit);
        await client.ConnectAsync(new IPEndPoint(IPAddress.Parse(Peer), DnsPair.ResolverPort), deadline.Token);
        await client.SendAsync(new byte[] { 1 }, deadline.Token);
        return await pair.NextAsync();
    }

    /// <summary>Everything that capture may leave behind: rules and chains of both kinds, routing rules, routes, addresses of lo.</summary>
    public string State() => string.Join('\n', new[]
    {
        Kept(_pod.Pod.Run("iptables-save")),
        Kept(_pod.Pod.Run("ip6tables-save")),
        _nftables ? _pod.Pod.Run("nft", "--stateless", "list", "tables") : string.Empty,
        _pod.Pod.Run("ip", "-4", "rule", "show"),
        _pod.Pod.Run("ip", "-6", "rule", "show"),
        _pod.Pod.Run("ip", "-4", "route", "show", "table", "all"),
        WithoutLinkLocal(_pod.Pod.Run("ip", "-6", "route", "show", "table", "all")),
        _pod.Pod.Run("ip", "-o", "addr", "show", "dev", "lo"),
    });

    public void Dispose()
    {
        foreach (DnsPair pair in _dns.Values)
        {
            pair.Dispose();
        }

        _pod.Dispose();
    }

    private static string Shown(string address) => address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;

    /// <summary>Rules and chains; empty built-in chains mean nothing, and counters and dates differ.</summary>
    private static string Kept(string saved) => string.Join('\n', saved.Split('\n').Where(
        line => line.StartsWith("-A", StringComparison.Ordinal) || (line.StartsWith(':') && line.Contains("ISTIO", StringComparison.Ordinal))));

    /// <summary>Link-local addresses come when the kernel has made sure that nobody else has them.</summary>
    private static string WithoutLinkLocal(string routes) =>
        string.Join('\n', routes.Split('\n').Where(line => !line.Contains("fe80:", StringComparison.Ordinal)));
}

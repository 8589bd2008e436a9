using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.Capture.Tests;

/// <summary>
/// A pod with listeners where the proxy and the app would be, and a peer beside it. Each listener answers a connection
/// with its own name and the original destination, so a test sees where a connection went.
/// </summary>
internal sealed class CapturedPod : IDisposable
{
    public const string PodV4 = "10.99.0.1";
    public const string PeerV4 = "10.99.0.2";
    public const string PodV6 = "fd99::1";
    public const string PeerV6 = "fd99::2";
    public const int AppPort = 8080;
    public const uint AppUser = 1000;
    public const uint ProxyUser = 1337;

    private const int SoOriginalDst = 80;
    private const int SolIp = 0;
    private const int SolIpv6 = 41;
    private const int IpTransparent = 19;
    private const int Ipv6Transparent = 75;

    private readonly List<Socket> _listeners = [];

    private readonly bool _nftables;

    public CapturedPod(bool nftables, bool transparent = false)
    {
        _nftables = nftables;
        Prerequisite.Program(nftables ? ["nft"] : ["iptables", "ip6tables"]);
        Pod = TestNamespace.Create();
        Peer = TestNamespace.Create();
        TestNamespace.Join(Pod, [PodV4 + "/24", PodV6 + "/64"], Peer, [PeerV4 + "/24", PeerV6 + "/64"]);
        NetworkNamespaceThread proxy = Pod.Enter(ProxyUser, ProxyUser);
        foreach (IPAddress any in new[] { IPAddress.Any, IPAddress.IPv6Any })
        {
            Listen("outbound", proxy, new IPEndPoint(any, 15001), transparent: false);
            Listen("inbound", proxy, new IPEndPoint(any, 15006), transparent);
            Listen("app", Pod.Enter(AppUser, AppUser), new IPEndPoint(any, AppPort), transparent: false);
            Listen("peer", Peer.Enter(), new IPEndPoint(any, AppPort), transparent: false);
        }
    }

    public TestNamespace Pod { get; }

    public TestNamespace Peer { get; }

    /// <summary>Sets rules as the injected init container does, for both families.</summary>
    public CommandRun Capture(params string[] more) => CommandRun.Of(
        ["-p", "15001", "-z", "15006", "-u", "1337", "--ipv6=true", "--network-namespace", Pod.Name, $"--native-nftables={_nftables}", .. more]);

    /// <summary>Connects and returns "listener original-destination".</summary>
    public static async Task<string> Dial(NetworkNamespaceThread from, string address, int port, string? bindTo = null)
    {
        var target = new IPEndPoint(IPAddress.Parse(address), port);
        using Socket socket = from.Run(() => new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        if (bindTo is not null)
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(bindTo), 0));
        }

        using var deadline = new CancellationTokenSource(Patience.Limit);
        await socket.ConnectAsync(target, deadline.Token);
        byte[] answer = new byte[256];
        int length = await socket.ReceiveAsync(answer, deadline.Token);
        return System.Text.Encoding.ASCII.GetString(answer, 0, length);
    }

    public void Dispose()
    {
        _listeners.ForEach(listener => listener.Dispose());
        Pod.Dispose();
        Peer.Dispose();
    }

    private void Listen(string name, NetworkNamespaceThread inside, IPEndPoint at, bool transparent)
    {
        Socket listener = inside.Run(() => new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        if (transparent)
        {
            (int level, int option) = at.AddressFamily == AddressFamily.InterNetworkV6
                ? (SolIpv6, Ipv6Transparent)
                : (SolIp, IpTransparent);
            listener.SetRawSocketOption(level, option, BitConverter.GetBytes(1));
        }

        if (at.AddressFamily == AddressFamily.InterNetworkV6)
        {
            listener.DualMode = false;
        }

        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(at);
        listener.Listen();
        _listeners.Add(listener);
        _ = AnswerAsync(name, listener, transparent);
    }

    private static async Task AnswerAsync(string name, Socket listener, bool transparent)
    {
        try
        {
            while (true)
            {
                using Socket connection = await listener.AcceptAsync();
                string original = transparent ? connection.LocalEndPoint!.ToString()! : OriginalDestination(connection);
                await connection.SendAsync(System.Text.Encoding.ASCII.GetBytes($"{name} {original}"));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static string OriginalDestination(Socket connection)
    {
        byte[] address = new byte[28];
        bool v6 = connection.AddressFamily == AddressFamily.InterNetworkV6;
        try
        {
            connection.GetRawSocketOption(v6 ? SolIpv6 : SolIp, SoOriginalDst, address);
        }
        catch (SocketException)
        {
            return "direct";
        }

        int port = BinaryPrimitives.ReadUInt16BigEndian(address.AsSpan(2));
        return new IPEndPoint(new IPAddress(v6 ? address[8..24] : address[4..8]), port).ToString();
    }
}

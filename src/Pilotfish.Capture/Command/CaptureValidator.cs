using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Pilotfish.Api.Failures;
using Pilotfish.Capture.Rules;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Capture.Command;

/// <summary>
/// Proves that capture works without a proxy: listens where the proxy would, dials an address that only a redirect
/// brings there, and looks whether the kernel kept the port dialled.
/// </summary>
/// <param name="config">Has the ports that a redirect ends at.</param>
/// <param name="probePort">A port that nobody listens on.</param>
/// <param name="timeout">How long to try.</param>
/// <param name="inside">Where to make sockets; null: in this process's network namespace.</param>
/// <param name="log">Hears why a listener could not be opened.</param>
internal sealed class CaptureValidator(
    CaptureConfig config, ushort probePort, TimeSpan timeout, NetworkNamespaceThread? inside, TextWriter log)
{
    private const int SolIp = 0;
    private const int SolIpv6 = 41;
    private const int SoOriginalDst = 80;

    /// <summary>sockaddr_in6; the port is at the same offset in sockaddr_in.</summary>
    private const int SockaddrBytes = 28;

    private const int SockaddrPortOffset = 2;

    /// <summary>Each try leaves a socket in TIME_WAIT; one a second stays far from any limit.</summary>
    private static readonly TimeSpan s_retryPause = TimeSpan.FromSeconds(1);

    public bool Run(bool ipv6Only)
    {
        IPAddress loopback = ipv6Only ? IPAddress.IPv6Loopback : IPAddress.Loopback;
        IPAddress probe = ipv6Only ? IpCidr.InboundPassthroughV6.Address : IpCidr.InboundPassthroughV4.Address;
        using var deadline = new CancellationTokenSource(timeout);
        var listeners = new List<Socket>();
        try
        {
            foreach (ushort port in new[] { config.OutboundPort, config.InboundPort })
            {
                TryListen(new IPEndPoint(loopback, port), listeners);
            }

            return listeners.Count > 0 && RunAsync(listeners, loopback, new IPEndPoint(probe, probePort), deadline)
                .GetAwaiter().GetResult();
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
        }
    }

    private void TryListen(IPEndPoint address, List<Socket> listeners)
    {
        Socket listener = NewSocket(address.AddressFamily);
        try
        {
            listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            listener.Bind(address);
            listener.Listen();
            listeners.Add(listener);
        }
        catch (SocketException e)
        {
            log.WriteLine($"error: validation cannot listen on {address}: {FailureText.Of(e)}");
            listener.Dispose();
        }
    }

    private async Task<bool> RunAsync(List<Socket> listeners, IPAddress from, IPEndPoint to, CancellationTokenSource deadline)
    {
        Task<bool>[] accepting = [.. listeners.Select(listener => AcceptAsync(listener, deadline.Token))];
        Task<bool> seen = Task.WhenAny(accepting).Unwrap();
        Task dialling = DialAsync(from, to, deadline.Token);
        bool passed = await seen;
        await deadline.CancelAsync();
        await Task.WhenAll([dialling, .. accepting]);
        return passed;
    }

    private async Task<bool> AcceptAsync(Socket listener, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                using Socket connection = await listener.AcceptAsync(stop);
                ushort port = OriginalPort(connection);
                await connection.SendAsync(Encoding.ASCII.GetBytes(port.ToString(CultureInfo.InvariantCulture)), stop);
                if (port == probePort)
                {
                    return true;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The deadline, or the other listener was first.
            return false;
        }
    }

    private async Task DialAsync(IPAddress from, IPEndPoint to, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using Socket client = NewSocket(to.AddressFamily);
                client.Bind(new IPEndPoint(from, 0));
                await client.ConnectAsync(to, stop);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // Refused: not captured yet. The pause below tries again until the deadline.
            }

            await Task.Delay(s_retryPause, stop).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>A socket stays in the namespace of the thread that made it.</summary>
    private Socket NewSocket(AddressFamily family)
    {
        return inside is null ? Make() : inside.Run(Make);

        Socket Make() => new(family, SocketType.Stream, ProtocolType.Tcp);
    }

    private static ushort OriginalPort(Socket connection)
    {
        Span<byte> address = stackalloc byte[SockaddrBytes];
        int level = connection.AddressFamily == AddressFamily.InterNetworkV6 ? SolIpv6 : SolIp;
        try
        {
            connection.GetRawSocketOption(level, SoOriginalDst, address);
        }
        catch (SocketException)
        {
            // A direct connection has no original destination.
            return 0;
        }

        return BinaryPrimitives.ReadUInt16BigEndian(address[SockaddrPortOffset..]);
    }
}

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Pilotfish.Local.Network;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Dns;

/// <summary>Serves DNS to pods from this process, on sockets that belong to the node's namespace.</summary>
internal sealed class ClusterDns : IDisposable
{
    /// <summary>A client that opens TCP and says nothing must not stay.</summary>
    private static readonly TimeSpan s_tcpDeadline = TimeSpan.FromSeconds(10);

    private readonly Socket _udp;
    private readonly Socket _tcp;
    private readonly CancellationTokenSource _stop = new();
    private volatile DnsTable _table = DnsTable.Empty;

    private ClusterDns(Socket udp, Socket tcp)
    {
        _udp = udp;
        _tcp = tcp;
    }

    public static ClusterDns Start(NetworkNamespaceThread node)
    {
        const int dnsPort = 53;
        (Socket udp, Socket tcp) = node.Run(() =>
        {
            var endPoint = new IPEndPoint(AddressPlan.Dns, dnsPort);
            var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            datagrams.Bind(endPoint);
            var streams = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            streams.Bind(endPoint);
            streams.Listen();
            return (datagrams, streams);
        });
        var dns = new ClusterDns(udp, tcp);
        _ = dns.ServeUdpAsync();
        _ = dns.ServeTcpAsync();
        return dns;
    }

    public void Publish(DnsTable table) => _table = table;

    public void Dispose()
    {
        _stop.Cancel();
        _udp.Dispose();
        _tcp.Dispose();
        _stop.Dispose();
    }

    private async Task ServeUdpAsync()
    {
        byte[] buffer = new byte[DnsAnswer.MessageBytesMax];
        var anyone = new IPEndPoint(IPAddress.Any, 0);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult received = await _udp.ReceiveFromAsync(buffer, anyone, _stop.Token);
                if (DnsAnswer.To(buffer.AsSpan(0, received.ReceivedBytes), _table, isUdp: true) is { } reply)
                {
                    await _udp.SendToAsync(reply, received.RemoteEndPoint, _stop.Token);
                }
            }
            catch (SocketException)
            {
                // The asking pod is gone; the next one is served all the same.
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeTcpAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ = ServeTcpClientAsync(await _tcp.AcceptAsync(_stop.Token));
            }
            catch (SocketException)
            {
                // A client that left before it was accepted.
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeTcpClientAsync(Socket client)
    {
        using var deadline = new CancellationTokenSource(s_tcpDeadline);
        using var stream = new NetworkStream(client, ownsSocket: true);
        try
        {
            byte[] prefix = new byte[2];
            await stream.ReadExactlyAsync(prefix, deadline.Token);
            byte[] message = new byte[Math.Min((int)BinaryPrimitives.ReadUInt16BigEndian(prefix), DnsAnswer.MessageBytesMax)];
            await stream.ReadExactlyAsync(message, deadline.Token);
            if (DnsAnswer.To(message, _table, isUdp: false) is { } reply)
            {
                BinaryPrimitives.WriteUInt16BigEndian(prefix, (ushort)reply.Length);
                await stream.WriteAsync((byte[])[.. prefix, .. reply], deadline.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client left or was too slow; it asks again if it wants an answer.
        }
    }
}

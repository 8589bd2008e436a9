using System.Buffers.Binary;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.Xds;

/// <summary>A control plane on a loopback port that speaks gRPC on the wire: a whole data plane dials it.</summary>
internal sealed class WireControlPlane : IDisposable
{
    private const int PrefixBytes = 5;

    private readonly ListenSocket _listener;
    private Http2Peer? _peer;
    private int _stream;

    public WireControlPlane(EventLoop loop)
    {
        _listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        Transport.TestPeers.Serve(_listener, ServeAsync);
    }

    public NetAddress Address => _listener.LocalAddress;

    public List<DeltaDiscoveryRequest> Requests { get; } = [];

    /// <summary>The method of each stream that was opened.</summary>
    public List<string> Paths { get; } = [];

    /// <summary>Whether connections are closed as soon as they come.</summary>
    public bool Refuses { get; set; }

    public void Send(DeltaDiscoveryResponse response)
    {
        byte[] message = response.ToByteArray();
        byte[] body = new byte[PrefixBytes + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), message.Length);
        message.CopyTo(body, PrefixBytes);
        foreach (byte[] chunk in body.Chunk(16 * 1024))
        {
            _ = _peer!.SendAsync(FrameType.DATA, FrameFlags.None, _stream, chunk);
        }
    }

    public void EndStream() => _ = _peer!.HeadersAsync(_stream, end: true, ("grpc-status", "0"));

    public void Dispose()
    {
        _listener.Close();
        _peer?.Stream.Close();
    }

    /// <summary>Moves what is whole from the body to the requests.</summary>
    public static void Take(List<byte> body, List<DeltaDiscoveryRequest> requests)
    {
        while (body.Count >= PrefixBytes
            && BinaryPrimitives.ReadInt32BigEndian([body[1], body[2], body[3], body[4]]) is int length && body.Count >= PrefixBytes + length)
        {
            requests.Add(DeltaDiscoveryRequest.Parser.ParseFrom([.. body[PrefixBytes..(PrefixBytes + length)]]));
            body.RemoveRange(0, PrefixBytes + length);
        }
    }

    private async Task ServeAsync(SocketStream stream)
    {
        if (Refuses)
        {
            stream.Close();
            return;
        }

        var peer = new Http2Peer(stream);
        await peer.StartServerAsync();
        List<byte> body = [];
        while (await peer.ReadFrameAsync() is { } frame)
        {
            if (frame.Header.Type == FrameType.HEADERS)
            {
                Paths.Add(peer.Fields(frame.Payload)[":path"]);
                _peer = peer;
                _stream = frame.Header.StreamId;
                await peer.HeadersAsync(_stream, end: false, (":status", "200"), ("content-type", "application/grpc"));
            }
            else if (frame.Header.Type == FrameType.DATA)
            {
                body.AddRange(frame.Payload);
                Take(body, Requests);
            }
        }
    }
}

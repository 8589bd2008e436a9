using System.Text;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http2.InternalServer;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tests.Http2.InternalServer;

/// <summary>A server with an echo of text messages and a sink that answers nothing, and scripted clients of it.</summary>
internal sealed class GrpcServerBench : IDisposable
{
    public const string Echo = "/pkg.Service/Echo";

    private readonly EventLoop _loop;

    public GrpcServerBench(EventLoop loop, GrpcServerLimits? limits = null)
    {
        _loop = loop;
        Server = new InternalGrpcServer(loop, limits);
        Server.Add(Echo, call => new EchoHandler(this, call));
    }

    public InternalGrpcServer Server { get; }

    public List<string> Heard { get; } = [];

    public List<GrpcServerCall> Calls { get; } = [];

    public async Task<Http2Peer> ConnectAsync(int capacityBytes = MemoryStreamPair.DefaultCapacityBytes)
    {
        (IByteStream client, IByteStream server) = MemoryStreamPair.Create(_loop, capacityBytes: capacityBytes);
        Server.Serve(server);
        var peer = new Http2Peer(client);
        await peer.StartClientAsync();
        return peer;
    }

    public IByteStream ConnectRaw()
    {
        (IByteStream client, IByteStream server) = MemoryStreamPair.Create(_loop);
        Server.Serve(server);
        return client;
    }

    public static (string, string)[] Head(string path = Echo, string method = "POST", string type = "application/grpc", string? timeout = null)
    {
        List<(string, string)> head =
            [(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost"), ("content-type", type), ("te", "trailers")];
        if (timeout is not null)
        {
            head.Add(("grpc-timeout", timeout));
        }

        return [.. head];
    }

    /// <summary>A message as gRPC frames it, with the text as its bytes.</summary>
    public static string Message(string text)
    {
        byte[] body = Google.Protobuf.MessageExtensions.ToByteArray(new StringValue { Value = text });
        return Encoding.Latin1.GetString([0, 0, 0, (byte)(body.Length >> 8), (byte)body.Length, .. body]);
    }

    public Task UntilAsync(Func<bool> condition) => Transport.TestPeers.UntilAsync(_loop, condition);

    public void Dispose() => Server.Close();

    private sealed class EchoHandler : IGrpcCallHandler
    {
        private readonly GrpcServerBench _bench;
        private readonly GrpcServerCall _call;

        public EchoHandler(GrpcServerBench bench, GrpcServerCall call)
        {
            (_bench, _call) = (bench, call);
            bench.Calls.Add(call);
        }

        public void OnMessage(ReadOnlySpan<byte> message)
        {
            StringValue text;
            try
            {
                text = StringValue.Parser.ParseFrom(message);
            }
            catch (Google.Protobuf.InvalidProtocolBufferException)
            {
                // Some client of the tests sends anything.
                _call.End(GrpcStatusCode.InvalidArgument);
                return;
            }

            _bench.Heard.Add(text.Value);
            if (text.Value == "enough")
            {
                _call.End(GrpcStatusCode.FailedPrecondition, "so it is: 100 %");
                return;
            }

            _bench.Heard.Add(_call.TrySend(text) ? "sent" : "blocked");
        }

        public void OnRequestEnd()
        {
            _bench.Heard.Add("end");
            _call.End(GrpcStatusCode.Ok);
        }

        public void OnWritable() => _bench.Heard.Add("writable");

        public void OnCancelled() => _bench.Heard.Add("cancelled");
    }
}

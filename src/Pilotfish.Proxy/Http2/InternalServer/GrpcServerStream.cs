using System.Text;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http2.InternalServer;

/// <summary>The HTTP/2 stream under one call; its object serves later calls of the connection too, the call's does not.</summary>
internal sealed class GrpcServerStream(GrpcServerConnection connection) : Http2Stream(connection)
{
    private GrpcServerCall? _call;

    public HeaderMap RequestHeaders { get; } = new();

    public long StartedMilliseconds { get; private set; }

    // No log and no statistic asks for the bytes of a call of the process's own.
    internal override ref ByteMeter Meter => ref Unread;

    /// <summary>Whether its call waits for a first whole message.</summary>
    public bool AwaitsMessage => _call is { HasMessage: false, IsEnded: false };

    /// <summary>Parts of requests and answers that it keeps.</summary>
    public int HeldBytes => Pending.Length + (_call?.HeldBytes ?? 0);

    public void Attach(GrpcServerCall call)
    {
        _call = call;
        StartedMilliseconds = Session.Loop.NowMilliseconds;
        RequestHeaders.Clear();
    }

    /// <summary>The head is decoded and in order.</summary>
    public void Begin(InternalGrpcServer server, bool end)
    {
        GrpcServerCall call = _call!;
        if (!RequestHeaders[WellKnownHeader.Method].SequenceEqual("POST"u8))
        {
            call.Refuse(405, GrpcStatusCode.Internal, "gRPC calls are POST requests.");
            return;
        }

        if (!GrpcText.IsGrpcRequest(RequestHeaders))
        {
            call.Refuse(415, GrpcStatusCode.Internal, "The content-type of gRPC calls is application/grpc.");
            return;
        }

        long deadline = -1;
        if (RequestHeaders.TryGet(WellKnownHeader.GrpcTimeout, out ReadOnlySpan<byte> timeout)
            && !GrpcText.TryReadTimeout(timeout, out deadline))
        {
            call.Refuse(200, GrpcStatusCode.Internal, "The value of grpc-timeout is malformed.");
            return;
        }

        ReadOnlySpan<byte> path = RequestHeaders[WellKnownHeader.Path];
        if (server.Find(path) is not { } method)
        {
            call.Refuse(200, GrpcStatusCode.Unimplemented, $"There is no method '{Encoding.UTF8.GetString(path)}'.");
            return;
        }

        call.Begin(method(call), deadline);
        if (end)
        {
            call.OnData(default, end: true);
        }
    }

    public void SendHead(HeaderMap head) => connection.Output.Headers(this, head, end: false);

    public void SendMessage(ReadOnlySpan<byte> framed) => connection.Output.Data(this, framed, end: false);

    /// <summary>The status of the call, behind what is still to be sent.</summary>
    public void SendEnd(HeaderMap trailers, bool isHead)
    {
        if (isHead)
        {
            connection.Output.Headers(this, trailers, end: true);
            LocalEnd();
        }
        else
        {
            connection.Output.Trailers(this, trailers);
        }

        connection.OnAnswered(this);
    }

    /// <summary>Ends the call when its connection holds more than it may.</summary>
    public void CheckHeld()
    {
        if (HeldBytes > 0 && connection.HoldsTooMuch() && _call is { } call)
        {
            // What waits is not sent any more: the client has shown that it does not take it.
            ReleasePending();
            call.Refuse(200, GrpcStatusCode.ResourceExhausted, "The client's connection has too many bytes waiting; it must read what it asked for.");
        }
    }

    public void EndUnanswered(GrpcStatusCode status, string message) => _call?.Refuse(200, status, message);

    internal override void OnReset(Http2ErrorCode code, Http2End end)
    {
        GrpcServerCall? call = _call;
        _call = null;
        call?.OnGone();
    }

    protected override void OnData(ReadOnlySpan<byte> data, bool end) => _call?.OnData(data, end);

    // Requests have no trailers of meaning (gRPC over HTTP/2, Requests); they end it all the same.
    protected override void OnTrailers(HeaderMap trailers) => _call?.OnData(default, end: true);

    protected override void OnSendBlocked(bool blocked)
    {
        if (!blocked)
        {
            _call?.OnWritable();
        }
    }
}

using System.Buffers.Binary;
using System.Text;
using Google.Protobuf;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Http2.InternalServer;

/// <summary>
/// One call of a client, of any streaming kind: what its service reads of it and answers to it. It ends with exactly one status. Nothing is
/// compressed, and nothing compressed is accepted. Loop-affine.
/// </summary>
public sealed class GrpcServerCall
{
    private readonly GrpcServerStream _stream;
    private readonly GrpcServerLimits _limits;
    private IGrpcCallHandler? _handler;
    private GrpcMessageReader _reader;
    private LoopTimer? _deadline;
    private bool _headSent;
    private bool _delivering;
    private bool _refused;

    internal GrpcServerCall(GrpcServerStream stream, GrpcServerLimits limits)
    {
        _stream = stream;
        _limits = limits;
        _reader = new GrpcMessageReader(limits.MessageBytes);
    }

    public bool IsEnded { get; private set; }

    /// <summary>Whether a message to send would wait: the client does not take what was sent before.</summary>
    public bool IsBlocked => !IsEnded && _stream.IsSendBlocked;

    /// <summary>Whether a whole message came.</summary>
    internal bool HasMessage { get; private set; }

    internal int HeldBytes => _reader.Length;

    /// <summary>
    /// Sends a message, or takes nothing when <see cref="IsBlocked"/> or over; then <see cref="IGrpcCallHandler.OnWritable"/> tells of room.
    /// </summary>
    public bool TrySend(IMessage message)
    {
        if (IsEnded || _stream.IsSendBlocked)
        {
            _refused |= !IsEnded;
            return false;
        }

        if (!_headSent)
        {
            _headSent = true;
            var head = new HeaderMap();
            head.Set(WellKnownHeader.Status, "200"u8);
            head.Set(WellKnownHeader.ContentType, "application/grpc"u8);
            _stream.SendHead(head);
        }

        int length = message.CalculateSize();
        int total = GrpcMessageReader.PrefixBytes + length;
        using (PooledBuffer buffer = _stream.Session.Loop.Buffers.Rent(total))
        {
            buffer.Span[0] = 0;
            BinaryPrimitives.WriteInt32BigEndian(buffer.Span[1..], length);
            message.WriteTo(buffer.Span[GrpcMessageReader.PrefixBytes..total]);
            _stream.SendMessage(buffer.Span[..total]);
        }

        _stream.CheckHeld();
        return true;
    }

    /// <summary>Ends the call with its status, once; does nothing after the end.</summary>
    public void End(GrpcStatusCode status, string message = "")
    {
        if (IsEnded)
        {
            return;
        }

        Close();
        _stream.SendEnd(Trailers(200, status, message, isHead: !_headSent), isHead: !_headSent);
    }

    /// <summary>Ends a call that no service saw, or that broke the protocol: with its HTTP status where nothing was answered yet.</summary>
    internal void Refuse(int httpStatus, GrpcStatusCode status, string message)
    {
        if (IsEnded)
        {
            return;
        }

        IGrpcCallHandler? handler = Close();
        _stream.SendEnd(Trailers(httpStatus, status, message, isHead: !_headSent), isHead: !_headSent);
        handler?.OnCancelled();
    }

    internal void Begin(IGrpcCallHandler handler, long deadlineMilliseconds)
    {
        _handler = handler;
        if (deadlineMilliseconds >= 0 && !IsEnded)
        {
            _deadline = new LoopTimer(_stream.Session.Loop, static state => ((GrpcServerCall)state!).OnDeadline(), this);
            _deadline.Schedule(deadlineMilliseconds);
        }
    }

    internal void OnData(ReadOnlySpan<byte> data, bool end)
    {
        if (IsEnded)
        {
            return;
        }

        _reader.Append(_stream.Session.Loop.Buffers, data);
        GrpcFrameFault fault = GrpcFrameFault.None;
        _delivering = true;
        while (!IsEnded && TellMessage(out fault))
        {
        }

        _delivering = false;
        if (IsEnded)
        {
            _reader.Release();
        }
        else if (fault != GrpcFrameFault.None)
        {
            RefuseFault(fault);
        }
        else if (!end)
        {
            _stream.CheckHeld();
        }
        else if (!_reader.IsEmpty)
        {
            Refuse(200, GrpcStatusCode.Internal, "The request ends within a message.");
        }
        else
        {
            _handler?.OnRequestEnd();
        }
    }

    internal void OnWritable()
    {
        if (_refused && !IsEnded)
        {
            _refused = false;
            _handler?.OnWritable();
        }
    }

    /// <summary>The stream is gone.</summary>
    internal void OnGone()
    {
        if (!IsEnded)
        {
            Close()?.OnCancelled();
        }
    }

    private bool TellMessage(out GrpcFrameFault fault)
    {
        if (!_reader.TryPeek(out ReadOnlySpan<byte> message, out fault))
        {
            return false;
        }

        HasMessage = true;
        int length = message.Length;
        _handler?.OnMessage(message);
        _reader.Consume(length);
        return true;
    }

    private void RefuseFault(GrpcFrameFault fault)
    {
        (GrpcStatusCode status, string message) = fault switch
        {
            GrpcFrameFault.TooLarge =>
                (GrpcStatusCode.ResourceExhausted, $"A request message is larger than the {_limits.MessageBytes} bytes allowed."),
            GrpcFrameFault.Compressed => (GrpcStatusCode.Unimplemented, "Compressed request messages are not accepted."),
            _ => (GrpcStatusCode.Internal, "The request's body is no sequence of gRPC messages."),
        };
        Refuse(200, status, message);
    }

    private void OnDeadline() => Refuse(200, GrpcStatusCode.DeadlineExceeded, "The call's grpc-timeout has passed.");

    private IGrpcCallHandler? Close()
    {
        IGrpcCallHandler? handler = _handler;
        IsEnded = true;
        _handler = null;
        _deadline?.Cancel();
        if (!_delivering)
        {
            _reader.Release();
        }

        return handler;
    }

    private static HeaderMap Trailers(int httpStatus, GrpcStatusCode status, string message, bool isHead)
    {
        var trailers = new HeaderMap();
        if (isHead)
        {
            // Trailers-only: a head that is the end as well.
            trailers.SetNumber(WellKnownHeader.Status, httpStatus);
            trailers.Set(WellKnownHeader.ContentType, "application/grpc"u8);
        }

        trailers.SetNumber(WellKnownHeader.GrpcStatus, (int)status);
        if (message.Length > 0)
        {
            trailers.Set(WellKnownHeader.GrpcMessage, GrpcText.EncodeMessage(Encoding.UTF8.GetBytes(message)));
        }

        if (status == GrpcStatusCode.Unimplemented)
        {
            trailers.Set("grpc-accept-encoding"u8, "identity"u8);
        }

        return trailers;
    }
}

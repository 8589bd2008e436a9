using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;
using Google.Protobuf;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>
/// One gRPC call of the proxy's own, of any streaming kind: messages both ways over an <see cref="AsyncHttpStream"/>, one status at the
/// end. Nothing is compressed and nothing compressed is accepted. One worker's loop only.
/// </summary>
internal sealed class AsyncGrpcStream : IAsyncHttpEvents
{
    // gRPC allows at most 8 digits in grpc-timeout.
    private const long TimeoutNumberMax = 99_999_999;

    private readonly Worker _worker;
    private readonly GrpcMethod _method;
    private readonly AsyncGrpcOptions _options;
    private readonly IAsyncGrpcCallEvents _events;

    // How the owner takes messages: one of the two.
    private readonly IAsyncGrpcEvents? _whole;
    private readonly IAsyncGrpcPartEvents? _parts;
    private readonly AsyncHttpStream _stream;
    private readonly byte[] _authority;
    private HeaderMap? _head;
    private GrpcMessageReader _reader;

    // The server's last word while messages before it wait for a paused owner.
    private GrpcEnd? _heldEnd;
    private bool _paused;
    private bool _delivering;

    public AsyncGrpcStream(Worker worker, ClusterReference cluster, GrpcMethod method, AsyncGrpcOptions options, IAsyncGrpcEvents events)
        : this(worker, cluster, method, options, (IAsyncGrpcCallEvents)events) => _whole = events;

    /// <summary>A call whose messages are told in parts.</summary>
    public AsyncGrpcStream(
        Worker worker, ClusterReference cluster, GrpcMethod method, AsyncGrpcOptions options, IAsyncGrpcPartEvents events)
        : this(worker, cluster, method, options, (IAsyncGrpcCallEvents)events) => _parts = events;

    private AsyncGrpcStream(
        Worker worker, ClusterReference cluster, GrpcMethod method, AsyncGrpcOptions options, IAsyncGrpcCallEvents events)
    {
        _worker = worker;
        _method = method;
        _options = options;
        _events = events;
        _authority = Encoding.ASCII.GetBytes(options.Authority ?? cluster.Name);
        _reader = new GrpcMessageReader(options.MessageBytesMax);
        _stream = new AsyncHttpStream(worker, cluster, HttpProtocol.Http2, options.DeadlineMilliseconds, this) { Target = options.Target };
    }

    /// <summary>Whether its end was told or it was cancelled.</summary>
    public bool IsEnded { get; private set; }

    public bool IsBlocked => _stream.IsBlocked;

    /// <summary>Starts the call, once. Its end may be told before this returns.</summary>
    /// <param name="metadata">Added to the request's head; null = none. Names in lower case.</param>
    public void Start(IHeaderReader? metadata = null)
    {
        HeaderMap head = _head ??= new HeaderMap();
        head.Clear();
        if (metadata is not null)
        {
            head.CopyFrom(metadata);
        }

        head.Set(WellKnownHeader.Method, "POST"u8);
        head.Set(WellKnownHeader.Path, _method.Path);
        head.Set(WellKnownHeader.Authority, _authority);
        head.Set(WellKnownHeader.Te, "trailers"u8);
        head.Set(WellKnownHeader.ContentType, "application/grpc"u8);
        if (_options.DeadlineMilliseconds > 0)
        {
            SetTimeout(head, _options.DeadlineMilliseconds);
        }

        _stream.Start(head, end: false);
    }

    /// <summary>
    /// Makes a call that has ended ready for another start, for who makes one after the other. Never within one of its own events.
    /// </summary>
    public void Renew()
    {
        _stream.Renew();
        _reader = new GrpcMessageReader(_options.MessageBytesMax);
        _heldEnd = null;
        _paused = false;
        IsEnded = false;
    }

    /// <summary>
    /// Takes the message whole or, when <see cref="IsBlocked"/> or over, not at all; then <see cref="IAsyncGrpcEvents.OnWritable"/> tells
    /// of room. A message above the bound of the options ends the call with RESOURCE_EXHAUSTED.
    /// </summary>
    public bool TrySend(ReadOnlySpan<byte> message, bool end)
    {
        if (!MaySend(message.Length))
        {
            return false;
        }

        Span<byte> prefix = stackalloc byte[GrpcMessageReader.PrefixBytes];
        WritePrefix(prefix, message.Length);
        if (!_stream.TrySend(prefix, end: false))
        {
            return false;
        }

        _stream.SendWhole(message, end);
        return true;
    }

    /// <summary>The same for a message that is not yet serialized; it is not serialized when there is no room.</summary>
    public bool TrySend(IMessage message, bool end)
    {
        int length = message.CalculateSize();
        if (!MaySend(length))
        {
            return false;
        }

        if (!_stream.HasRoom())
        {
            return false;
        }

        int total = GrpcMessageReader.PrefixBytes + length;
        using PooledBuffer buffer = _worker.Loop.Buffers.Rent(total);
        WritePrefix(buffer.Span, length);
        message.WriteTo(buffer.Span[GrpcMessageReader.PrefixBytes..total]);
        return _stream.TrySend(buffer.Span[..total], end);
    }

    /// <summary>
    /// Whether the call has a connection with room for a message; if not, <see cref="IAsyncGrpcEvents.OnWritable"/> tells when.
    /// </summary>
    public bool HasConnection() => !IsEnded && _stream.HasConnection();

    /// <summary>No message follows; the server's may still come.</summary>
    public void CloseSend() => _stream.SendWhole(default, end: true);

    /// <summary>No message is told until <see cref="Resume"/>; the server is held up by flow control.</summary>
    public void Pause()
    {
        _paused = true;
        _stream.Pause();
    }

    public void Resume()
    {
        if (_paused)
        {
            _paused = false;
            _stream.Resume();
            Deliver();
        }
    }

    /// <summary>Gives the call up: the stream is reset, no event comes any more. Does nothing after the end.</summary>
    public void Cancel()
    {
        if (!IsEnded)
        {
            IsEnded = true;
            _stream.Cancel();
            if (!_delivering)
            {
                _reader.Release();
            }
        }
    }

    public void OnHeaders(int status, HeaderMap headers, bool end)
    {
        if (end && headers.Has(WellKnownHeader.GrpcStatus))
        {
            End(GrpcEnd.Of(headers));
        }
        else if (status != 200)
        {
            End(GrpcEnd.OfHttpStatus(status));
        }
        else if (end)
        {
            End(GrpcEnd.Of(headers));
        }
        else
        {
            _events.OnInitialMetadata(headers);
        }
    }

    public void OnData(ReadOnlySpan<byte> data, bool end)
    {
        if (IsEnded)
        {
            return;
        }

        _reader.Append(_worker.Loop.Buffers, data);
        if (end)
        {
            _heldEnd = new GrpcEnd(GrpcStatusCode.Unknown, "The response has no trailers.", AsyncFailureKind.InvalidResponse);
        }

        Deliver();
    }

    public void OnTrailers(HeaderMap trailers)
    {
        if (!IsEnded)
        {
            _heldEnd = GrpcEnd.Of(trailers);
            Deliver();
        }
    }

    public void OnFailed(AsyncFailure failure) => End(GrpcEnd.Of(failure));

    public void OnWritable() => _events.OnWritable();

    private bool MaySend(int length)
    {
        if (IsEnded)
        {
            return false;
        }

        if (length > _options.MessageBytesMax)
        {
            End(TooLarge("A message to send"));
            return false;
        }

        return true;
    }

    private static void WritePrefix(Span<byte> prefix, int length)
    {
        prefix[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(prefix[1..], length);
    }

    private void Deliver()
    {
        if (_delivering)
        {
            return;
        }

        _delivering = true;
        GrpcFrameFault fault = GrpcFrameFault.None;
        while (!IsEnded && !_paused && (_parts is null ? TellMessage(out fault) : TellPart(out fault)))
        {
        }

        _delivering = false;
        if (IsEnded)
        {
            _reader.Release();
        }
        else if (fault != GrpcFrameFault.None)
        {
            End(OfFault(fault));
        }
        else if (!_paused && _heldEnd is { } end)
        {
            bool isCut = !_reader.IsEmpty && end.Status == GrpcStatusCode.Ok;
            End(isCut ? new GrpcEnd(GrpcStatusCode.Internal, "The response ends within a message.", AsyncFailureKind.InvalidResponse) : end);
        }
    }

    private bool TellMessage(out GrpcFrameFault fault)
    {
        if (!_reader.TryPeek(out ReadOnlySpan<byte> message, out fault))
        {
            return false;
        }

        int length = message.Length;
        _whole!.OnMessage(message);
        _reader.Consume(length);
        return true;
    }

    private bool TellPart(out GrpcFrameFault fault)
    {
        if (!_reader.TryPeekPart(out ReadOnlySpan<byte> part, out bool end, out fault))
        {
            return false;
        }

        int length = part.Length;
        _parts!.OnMessagePart(part, end);
        _reader.ConsumePart(length);
        return true;
    }

    private void End(GrpcEnd end)
    {
        if (!IsEnded)
        {
            Cancel();
            _events.OnEnd(in end);
        }
    }

    private GrpcEnd OfFault(GrpcFrameFault fault) => fault switch
    {
        GrpcFrameFault.TooLarge => TooLarge("A received message"),
        GrpcFrameFault.Compressed => new(GrpcStatusCode.Internal,
            "The server sent a compressed message, which was not asked for.", AsyncFailureKind.InvalidResponse),
        _ => new(GrpcStatusCode.Internal, "The response's body is no sequence of gRPC messages.", AsyncFailureKind.InvalidResponse),
    };

    private GrpcEnd TooLarge(string what) => new(GrpcStatusCode.ResourceExhausted,
        $"{what} is larger than the {_options.MessageBytesMax} bytes allowed.", AsyncFailureKind.MessageTooLarge);

    private static void SetTimeout(HeaderMap head, long milliseconds)
    {
        bool inSeconds = milliseconds > TimeoutNumberMax;
        long number = inSeconds ? Math.Min(milliseconds / 1000, TimeoutNumberMax) : milliseconds;
        Span<byte> text = stackalloc byte[16];
        Utf8Formatter.TryFormat(number, text, out int written);
        text[written++] = inSeconds ? (byte)'S' : (byte)'m';
        head.Set(WellKnownHeader.GrpcTimeout, text[..written]);
    }
}

using Pilotfish.Api.Failures;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Http1.InternalServer;

/// <summary>
/// One connection of an <see cref="InternalHttpServer"/>: (1) read a head, (2) read the body, (3) call the handler, (4) answer, again
/// until the client, a timeout or an error ends it. Requests may be pipelined; they are answered in order.
/// </summary>
internal sealed class InternalConnection
{
    private const int InitialBufferBytes = BufferPool.SmallBytes;

    private static readonly Http1Limits s_limits = Http1Limits.Request;

    private readonly InternalHttpServer _server;
    private readonly IByteStream _stream;
    private readonly LoopTimer _deadline;
    private readonly HeaderMap _headers = new();
    private readonly HeaderMap _trailers = new();
    private byte[] _input = new byte[InitialBufferBytes];
    private int _start;
    private int _end;
    private byte[] _output = [];
    private bool _chunked;
    private bool _headSent;
    private bool _isHead;
    private bool _failed;
    private HttpProtocol _version;

    public InternalConnection(InternalHttpServer server, IByteStream stream)
    {
        _server = server;
        _stream = stream;
        _deadline = new LoopTimer(server.Loop, static state => ((InternalConnection)state!).Abort(), this);
    }

    private ReadOnlySpan<byte> Unread => _input.AsSpan(_start, _end - _start);

    public async Task RunAsync()
    {
        try
        {
            while (!_failed && await ServeOneAsync())
            {
            }
        }
        catch (Exception exception)
        {
            // A bug in a handler's answer must not take the data plane along: this client loses its connection, the log has the reason.
            Log.Error(LogComponent.Admin, $"a connection from {_stream.RemoteAddress} ended by an error: {FailureText.Of(exception)}");
        }

        _deadline.Cancel();
        _stream.Close();
        _server.Forget(this);
    }

    public void Abort() => _stream.Close();

    public async ValueTask<bool> FlushAsync(InternalResponse response)
    {
        if (response.PendingBytes == 0 || _failed)
        {
            return !_failed;
        }

        if (!_headSent)
        {
            // An HTTP/1.0 client knows no chunks: its body ends with the connection.
            _chunked = _version == HttpProtocol.Http11;
            response.CloseConnection |= !_chunked;
            await SendHeadAsync(response, contentLength: null);
        }

        if (!_isHead)
        {
            await SendBodyPartAsync(response.Body.WrittenMemory);
        }

        response.Body.ResetWrittenCount();
        return !_failed;
    }

    // One request and its response; false when the connection ends.
    private async ValueTask<bool> ServeOneAsync()
    {
        _deadline.Schedule(_server.Limits.RequestMilliseconds);
        HeadScanner scanner = default;
        int headLength;
        while ((headLength = scanner.Scan(Unread, out bool bareLineFeed)) == 0)
        {
            if (bareLineFeed || Unread.Length >= s_limits.HeadBytes)
            {
                return await RefuseAsync(bareLineFeed ? Http1Error.Codec : Http1Error.HeadersTooLarge);
            }

            if (!await ReceiveMoreAsync())
            {
                return false;
            }
        }

        _headers.Clear();
        Http1Error? error = RequestHeadParser.Parse(_input.AsSpan(_start, headLength), _headers, s_limits, out _version, out _);
        _start += headLength;
        BodyKind kind = BodyKind.None;
        long length = 0;
        error ??= MessageFraming.OfRequest(_headers, _version, s_limits, out kind, out length);
        if (error is not null)
        {
            return await RefuseAsync(error);
        }

        (bool complete, byte[] body) = await ReadBodyAsync(BodyDecoder.For(kind, length));
        if (!complete)
        {
            return false;
        }

        _deadline.Cancel();
        return await AnswerAsync(body);
    }

    private async ValueTask<(bool Complete, byte[] Body)> ReadBodyAsync(BodyDecoder decoder)
    {
        if (decoder.Kind == BodyKind.None)
        {
            return (true, []);
        }

        if (_headers.TryGet(WellKnownHeader.Expect, out _))
        {
            await SendAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray());
        }

        using MemoryStream body = new();
        while (true)
        {
            DecodeStatus status = decoder.Step(Unread, _trailers, s_limits, out int consumed, out ReadOnlySpan<byte> data, out Http1Error? error);
            body.Write(data);
            _start += consumed;
            if (status == DecodeStatus.End)
            {
                return (true, body.ToArray());
            }

            if (status == DecodeStatus.Invalid || body.Length > _server.Limits.BodyBytes)
            {
                await RefuseAsync(error ?? Http1Error.BodyDisallowed, error is null ? 413 : null);
                return (false, []);
            }

            if (status == DecodeStatus.NeedMore && !await ReceiveMoreAsync())
            {
                return (false, []);
            }
        }
    }

    private async ValueTask<bool> AnswerAsync(byte[] body)
    {
        _headSent = false;
        _chunked = false;
        _isHead = _headers[WellKnownHeader.Method].SequenceEqual("HEAD"u8);
        InternalResponse response = new(this)
        {
            CloseConnection = _version == HttpProtocol.Http10 || HasCloseOption(_headers[WellKnownHeader.Connection]),
        };
        try
        {
            await _server.Handler(new InternalRequest(_headers, body, _stream.RemoteAddress), response);
        }
        catch (Exception exception) when (!_headSent)
        {
            // The client gets the sentence; the connection goes on, since nothing of the answer was sent.
            Log.Error(LogComponent.Admin, $"{_headers.GetText(WellKnownHeader.Path)} failed: {exception}");
            response.Body.ResetWrittenCount();
            response.Status = 500;
            response.Write($"{FailureText.Of(exception)}.\n");
        }

        await FinishAsync(response);
        return !_failed && !response.CloseConnection;
    }

    private async ValueTask FinishAsync(InternalResponse response)
    {
        if (!_headSent)
        {
            await SendHeadAsync(response, response.PendingBytes, withBody: !_isHead);
            return;
        }

        await FlushAsync(response);
        if (_chunked && !_isHead)
        {
            await SendAsync(MessageWriter.LastChunk.ToArray());
        }
    }

    private async ValueTask SendHeadAsync(InternalResponse response, int? contentLength, bool withBody = false)
    {
        HeaderMap headers = response.Headers;
        headers.Set("content-type"u8, System.Text.Encoding.Latin1.GetBytes(response.ContentType));
        headers.Set("cache-control"u8, "no-cache, max-age=0"u8);
        headers.Set("x-content-type-options"u8, "nosniff"u8);
        if (contentLength is { } length)
        {
            headers.SetNumber(WellKnownHeader.ContentLength, length);
        }

        int room = MessageWriter.HeadBytesMax(headers);
        if (_output.Length < room)
        {
            _output = new byte[room];
        }

        ReadOnlySpan<byte> connection = response.CloseConnection ? "close"u8 : default;
        int written = MessageWriter.WriteResponseHead(_output, headers, response.Status, HttpStatusText.Of(response.Status), http10: false, _chunked, connection, out _);
        _headSent = true;
        await SendAsync(_output.AsMemory(0, written), withBody ? response.Body.WrittenMemory : default);
    }

    private async ValueTask SendBodyPartAsync(ReadOnlyMemory<byte> part)
    {
        if (!_chunked)
        {
            await SendAsync(part);
            return;
        }

        byte[] size = new byte[MessageWriter.ChunkFrameBytesMax];
        int written = MessageWriter.WriteChunkSize(size, part.Length);
        await SendAsync(size.AsMemory(0, written), part);
        await SendAsync("\r\n"u8.ToArray());
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second = default)
    {
        if (!_failed)
        {
            // A client that reads nothing is as bad as one that sends nothing.
            _deadline.Schedule(_server.Limits.RequestMilliseconds);
            IoResult sent = await _stream.SendAsync(first, second);
            _deadline.Cancel();
            _failed = !sent.IsOk;
        }
    }

    private async ValueTask<bool> RefuseAsync(Http1Error error, int? status = null)
    {
        _headSent = false;
        _chunked = false;
        InternalResponse response = new(this) { Status = status ?? error.Status, CloseConnection = true };
        response.Write($"{error.Details}\n");
        await SendHeadAsync(response, response.PendingBytes, withBody: true);
        return false;
    }

    private async ValueTask<bool> ReceiveMoreAsync()
    {
        if (_start > 0)
        {
            Unread.CopyTo(_input);
            _end -= _start;
            _start = 0;
        }

        if (_end == _input.Length)
        {
            Array.Resize(ref _input, _input.Length * 2);
        }

        IoResult received = await _stream.ReceiveAsync(_input.AsMemory(_end));
        _end += received.IsOk ? received.Bytes : 0;
        return received.IsOk && !received.IsEnd;
    }

    private static bool HasCloseOption(ReadOnlySpan<byte> connection) =>
        System.Text.Ascii.EqualsIgnoreCase(connection.Trim((byte)' '), "close"u8);
}

using System.Text;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Bench.Inproc;

/// <summary>
/// Both ends of HTTP/2 traffic: a client that opens some streams at once, again and again, and a backend that answers each. Neither decodes a
/// header; the client's come from its table after the first request, as those of real clients do.
/// </summary>
internal sealed class Http2Exchange
{
    /// <summary>Room for the answers to 8 streams: a full pipe would measure waiting, and larger buffers the collector.</summary>
    public const int PipeBytes = 16 * 1024;

    private const int BodyBytes = 1024;
    private const int GrpcMessageBytes = 5 + 16;
    private const int DynamicTableStart = 62;

    private static readonly (string Name, string Value)[] s_browser =
    [
        (":method", "GET"), (":scheme", "http"), (":authority", "service-0.example.com"), (":path", "/index.html"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
        ("accept-encoding", "gzip, deflate, br, zstd"), ("accept-language", "en-GB,en;q=0.9,de;q=0.7"), ("cache-control", "max-age=0"),
        ("cookie", "session=0f2b8c54a1d94e7c9a6c; theme=dark; consent=1"), ("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "same-origin"), ("upgrade-insecure-requests", "1"),
    ];

    private static readonly (string Name, string Value)[] s_call =
    [
        (":method", "POST"), (":scheme", "http"), (":authority", "service-0.example.com"), (":path", "/bench.Echo/Unary"),
        ("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "grpc-go/1.66.0"),
    ];

    private static readonly byte[] s_answerHead =
    [
        0x88, .. Literal("server", "bench", 0), .. Literal("content-type", "text/html", 0), .. Literal("date", "Thu, 26 Nov 2026 10:00:00 GMT", 0),
    ];

    private readonly IByteStream _stream;
    private readonly int _streams;
    private readonly bool _grpc;
    private readonly byte[] _in = new byte[PipeBytes];
    private readonly byte[] _out = new byte[PipeBytes];
    private readonly byte[] _indexed;
    private int _held;
    private int _nextId = 1;

    public Http2Exchange(IByteStream stream, int streams, bool grpc)
    {
        (_stream, _streams, _grpc) = (stream, streams, grpc);
        int fields = (grpc ? s_call : s_browser).Length;
        _indexed = [.. Enumerable.Range(0, fields).Select(i => (byte)(0x80 | (DynamicTableStart + fields - 1 - i)))];
    }

    /// <summary>This many requests, in batches of one for each stream.</summary>
    public async Task AskAsync(int requests)
    {
        for (int asked = 0; asked < requests; asked += _streams)
        {
            int length = 0;
            if (_nextId == 1)
            {
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.CopyTo(_out);
                Http2Frames.Hello.CopyTo(_out.AsSpan(Http2Frames.PrefaceBytes));
                length = Http2Frames.PrefaceBytes + Http2Frames.Hello.Length;
            }

            for (int i = 0; i < _streams; i++)
            {
                length += WriteRequest(_out.AsSpan(length));
            }

            await _stream.SendAsync(_out.AsMemory(0, length));
            int ended = 0;
            while (ended < _streams)
            {
                IoResult result = await _stream.ReceiveAsync(_in.AsMemory(_held));
                if (!result.IsOk || result.IsEnd)
                {
                    throw new InvalidOperationException("The proxy closed a connection.");
                }

                _held += result.Bytes;
                ended += CountEnds();
            }
        }
    }

    public static Action<IByteStream> Backend(bool grpc) => stream => Serve(stream, grpc);

    private static async void Serve(IByteStream stream, bool grpc)
    {
        byte[] answer = new byte[PipeBytes];
        byte[] buffer = new byte[PipeBytes];
        byte[] body = new byte[BodyBytes];
        byte[] trailers = Literal("grpc-status", "0", 0);
        int held = 0;
        bool greeted = false;
        await stream.SendAsync(Http2Frames.Hello);
        while (true)
        {
            IoResult result = await stream.ReceiveAsync(buffer.AsMemory(held));
            if (!result.IsOk || result.IsEnd)
            {
                stream.Close();
                return;
            }

            held += result.Bytes;
            int at = greeted ? 0 : Http2Frames.PrefaceBytes;
            greeted |= held >= at;
            int length = 0;
            while (greeted && Http2Frames.SizeOf(buffer.AsSpan(at, held - at)) is > 0 and int size)
            {
                length += Answer(buffer.AsSpan(at, size), answer.AsSpan(length), body, trailers, grpc);
                at += size;
            }

            if (greeted)
            {
                buffer.AsSpan(at, held - at).CopyTo(buffer);
                held -= at;
            }

            if (length > 0)
            {
                await stream.SendAsync(answer.AsMemory(0, length));
            }
        }
    }

    private static int Answer(ReadOnlySpan<byte> frame, Span<byte> to, byte[] body, byte[] trailers, bool grpc)
    {
        if (frame[3] == Http2Frames.Settings && frame[4] == 0)
        {
            return Http2Frames.Write(to, Http2Frames.Settings, Http2Frames.Ack, 0, default);
        }

        if (!Http2Frames.Ends(frame))
        {
            return 0;
        }

        int id = Http2Frames.StreamOf(frame);
        int length = Http2Frames.Write(to, Http2Frames.Headers, Http2Frames.EndHeaders, id, s_answerHead);
        if (!grpc)
        {
            return length + Http2Frames.Write(to[length..], Http2Frames.Data, Http2Frames.EndStream, id, body);
        }

        length += Http2Frames.Write(to[length..], Http2Frames.Data, 0, id, body.AsSpan(0, GrpcMessageBytes));
        return length + Http2Frames.Write(to[length..], Http2Frames.Headers, Http2Frames.EndHeaders | Http2Frames.EndStream, id, trailers);
    }

    private int WriteRequest(Span<byte> to)
    {
        byte[] head = _nextId == 1 ? [.. (_grpc ? s_call : s_browser).SelectMany(field => Literal(field.Name, field.Value, 0x40))] : _indexed;
        byte flags = (byte)(Http2Frames.EndHeaders | (_grpc ? 0 : Http2Frames.EndStream));
        int length = Http2Frames.Write(to, Http2Frames.Headers, flags, _nextId, head);
        if (_grpc)
        {
            Span<byte> message = stackalloc byte[GrpcMessageBytes];
            message.Clear();
            message[4] = GrpcMessageBytes - 5;
            length += Http2Frames.Write(to[length..], Http2Frames.Data, Http2Frames.EndStream, _nextId, message);
        }

        _nextId += 2;
        return length;
    }

    private int CountEnds()
    {
        int ends = 0;
        int at = 0;
        while (Http2Frames.SizeOf(_in.AsSpan(at, _held - at)) is > 0 and int size)
        {
            ends += Http2Frames.Ends(_in.AsSpan(at, size)) ? 1 : 0;
            at += size;
        }

        _in.AsSpan(at, _held - at).CopyTo(_in);
        _held -= at;
        return ends;
    }

    // RFC 7541, section 6.2: a new name, neither packed by Huffman's code; 0x40 enters the table, 0 does not.
    private static byte[] Literal(string name, string value, byte kind) =>
        [kind, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];
}

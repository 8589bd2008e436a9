using System.Buffers.Binary;
using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Filters.GrpcWeb;

/// <summary>
/// One gRPC-Web request (grpc PROTOCOL-WEB.md) towards a gRPC server: base64 is undone and done, trailers become the body's last frame, and a
/// response that is not gRPC (an error page, a reply of the proxy's own) becomes a gRPC status whose message is the body.
/// </summary>
internal sealed class GrpcWebFilter : HttpFilter
{
    // As Envoy: a message of more would not fit the header limits of clients.
    private const int MessageBytesMax = 16 * 1024;
    private const byte TrailersFlag = 0x80;
    private const int FramePrefixBytes = 5;

    private static readonly EndReason s_badSize = Bad("grpc_base_64_decode_failed_bad_size");
    private static readonly EndReason s_badData = Bad("grpc_base_64_decode_failed");

    private WebTextDecoder _decoder;
    private WebTextEncoder _encoder;
    private PooledBuffer? _buffer;
    private BodyBuffer _message;
    private bool _textRequest;
    private bool _textResponse;
    private bool _transforms;

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        // The length is that of the encoded body; and HTTP/2 needs none.
        headers.Remove(WellKnownHeader.ContentLength);
        _textRequest = GrpcText.IsGrpcWebText(headers[WellKnownHeader.ContentType]);
        _textResponse = GrpcText.IsGrpcWebText(headers[WellKnownHeader.Accept]);
        headers.Set(WellKnownHeader.ContentType, "application/grpc"u8);
        headers.Set(WellKnownHeader.Te, "trailers"u8);
        if (!headers.TryGet("grpc-accept-encoding"u8, out _))
        {
            headers.Add("grpc-accept-encoding"u8, "identity,deflate,gzip"u8);
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnRequestData(ReadOnlySpan<byte> data, bool end)
    {
        if (!_textRequest)
        {
            return FilterVerdict.Continue;
        }

        PooledBuffer decoded = Room(data.Length + 3);
        if (!_decoder.TryDecode(data, decoded.Span, out int written))
        {
            return Refuse(s_badData);
        }

        if (end && !_decoder.IsComplete)
        {
            return Refuse(s_badSize);
        }

        ReplaceRequestData(decoded.Memory[..written]);
        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnRequestTrailers(HeaderMap trailers) =>
        _decoder.IsComplete ? FilterVerdict.Continue : Refuse(s_badSize);

    public override FilterVerdict OnResponseHeaders(HeaderMap headers, bool end)
    {
        GrpcWebStats.Count(Stream, headers);
        _transforms = !end && !IsGrpc(headers);
        headers.Remove(WellKnownHeader.ContentLength);
        headers.Set(WellKnownHeader.ContentType, _textResponse ? "application/grpc-web-text+proto"u8 : "application/grpc-web+proto"u8);
        return _transforms ? FilterVerdict.Buffer : FilterVerdict.Continue;
    }

    public override FilterVerdict OnResponseData(ReadOnlySpan<byte> data, bool end)
    {
        if (_transforms)
        {
            _message.Append(Stream.Loop.Buffers, data[..Math.Min(data.Length, MessageBytesMax - _message.Length)]);
            ReplaceResponseData(default);
            if (!end)
            {
                return FilterVerdict.Buffer;
            }

            Transform();
        }
        else if (_textResponse)
        {
            PooledBuffer text = Room(WebTextEncoder.RoomFor(data.Length));
            int written = _encoder.Encode(data, text.Span);
            written += end ? _encoder.Finish(text.Span[written..]) : 0;
            ReplaceResponseData(text.Memory[..written]);
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnResponseTrailers(HeaderMap trailers)
    {
        GrpcWebStats.Count(Stream, trailers);
        if (_transforms)
        {
            Transform();
        }
        else
        {
            ReplaceResponseData(Frame(trailers));
        }

        DropResponseTrailers();
        return FilterVerdict.Continue;
    }

    public override void OnEnd(StreamInfo info)
    {
        _buffer?.Return();
        _buffer = null;
        _message.Release();
    }

    private static EndReason Bad(string details) => new(EndCause.BadRequest, EndSide.Downstream, details, default,
        "The body of a gRPC-Web request in text form is not base64.");

    private FilterVerdict Refuse(EndReason reason)
    {
        Stream.Reply(400, "Bad gRPC-web request, invalid base64 data."u8, reason);
        return FilterVerdict.Pause;
    }

    // A gRPC response, or one that is gRPC-Web already.
    private static bool IsGrpc(HeaderMap headers) => headers[WellKnownHeader.Status].SequenceEqual("200"u8)
        && (GrpcText.IsGrpcContentType(headers[WellKnownHeader.ContentType]) || GrpcText.IsGrpcWebProto(headers[WellKnownHeader.ContentType]));

    private void Transform()
    {
        _transforms = false;
        HeaderMap headers = Stream.ResponseHeaders;
        bool known = DecimalText.TryParse(headers[WellKnownHeader.Status], out int status);
        headers.SetNumber(WellKnownHeader.GrpcStatus, GrpcText.StatusOf(known ? status : 0));
        headers.Set(WellKnownHeader.GrpcMessage, GrpcText.EncodeMessage(_message.Span));
        headers.SetNumber(WellKnownHeader.ContentLength, 0);
    }

    // The last frame of the body: the flag of trailers, their length, and "name:value" lines.
    private ReadOnlyMemory<byte> Frame(HeaderMap trailers)
    {
        int length = trailers.ByteSize + (trailers.Count * 3);
        int frameBytes = FramePrefixBytes + length;
        int textRoom = _textResponse ? WebTextEncoder.RoomFor(frameBytes) : 0;
        PooledBuffer buffer = Room(frameBytes + textRoom);
        Span<byte> frame = buffer.Span[..frameBytes];
        frame[0] = TrailersFlag;
        BinaryPrimitives.WriteInt32BigEndian(frame[1..], length);
        Span<byte> rest = frame[FramePrefixBytes..];
        for (int i = 0; i < trailers.SlotCount; i++)
        {
            if (!trailers.IsLive(i))
            {
                continue;
            }

            HeaderEntry entry = trailers.At(i);
            entry.Name.CopyTo(rest);
            rest[entry.Name.Length] = (byte)':';
            rest = rest[(entry.Name.Length + 1)..];
            entry.Value.CopyTo(rest);
            "\r\n"u8.CopyTo(rest[entry.Value.Length..]);
            rest = rest[(entry.Value.Length + 2)..];
        }

        if (!_textResponse)
        {
            return buffer.Memory[..frameBytes];
        }

        int written = _encoder.EncodeWhole(frame, buffer.Span[frameBytes..]);
        return buffer.Memory.Slice(frameBytes, written);
    }

    private PooledBuffer Room(int bytes)
    {
        if (_buffer is null || _buffer.Length < bytes)
        {
            _buffer?.Return();
            _buffer = Stream.Loop.Buffers.Rent(bytes);
        }

        return _buffer;
    }
}

using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>Writes one request after another to an upstream, and counts what it writes in the meter of the request's attempt.</summary>
internal sealed class RequestEncoder(SendQueue output, bool enableTrailers, bool properCase, bool absoluteTargets)
{
    private bool _chunked;
    private bool _tunnel;

    public void Headers(HeaderMap headers, bool end, bool isUpgrade, ref ByteMeter meter)
    {
        _tunnel = false;

        // A body without length is chunked; an upgrade's bytes have no framing until it is granted, and none are sent before.
        _chunked = !end && !isUpgrade && !headers.Has(WellKnownHeader.ContentLength)
            && !headers[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);
        if (end && !isUpgrade && !headers.Has(WellKnownHeader.ContentLength) && MayHaveBody(headers[WellKnownHeader.Method]))
        {
            // RFC 9110 section 8.6: a method that could carry a body says that it carries none; some servers insist (411).
            headers.SetNumber(WellKnownHeader.ContentLength, 0);
        }

        Span<byte> room = output.Reserve(absoluteTargets ? MessageWriter.AbsoluteHeadBytesMax(headers) : MessageWriter.HeadBytesMax(headers));
        int size = MessageWriter.WriteRequestHead(room, headers, _chunked, isUpgrade, absoluteTargets, out int startLine);
        if (headers.Case is { } preserved)
        {
            HeaderCase.Restore(room[..size], headers.KeptHead, preserved.ProperWordsForOthers);
        }
        else if (properCase)
        {
            HeaderCase.ProperWords(room[..size]);
        }

        output.Commit(size);
        int fields = size - startLine - MessageWriter.HeadEndBytes;
        meter.SentFields(size, fields, fields);
    }

    private static bool MayHaveBody(ReadOnlySpan<byte> method) =>
        !(method.SequenceEqual("GET"u8) || method.SequenceEqual("HEAD"u8) || method.SequenceEqual("DELETE"u8)
            || method.SequenceEqual("TRACE"u8) || method.SequenceEqual("CONNECT"u8));

    public void BecomeTunnel()
    {
        _tunnel = true;
        _chunked = false;
    }

    public void Data(ReadOnlySpan<byte> data, bool end, ref ByteMeter meter)
    {
        if (!_chunked || _tunnel)
        {
            output.Write(data);
            meter.WireBytesSent += data.Length;
            return;
        }

        if (!data.IsEmpty)
        {
            int size = MessageWriter.WriteChunkSize(output.Reserve(MessageWriter.ChunkFrameBytesMax), data.Length);
            output.Commit(size);
            output.Write(data);
            output.Write("\r\n"u8);
            meter.WireBytesSent += size + data.Length + 2;
        }

        if (end)
        {
            output.Write(MessageWriter.LastChunk);
            meter.WireBytesSent += MessageWriter.LastChunk.Length;
        }
    }

    public void Trailers(HeaderMap trailers, ref ByteMeter meter)
    {
        if (_chunked && !enableTrailers)
        {
            Data(default, end: true, ref meter);
        }
        else if (_chunked)
        {
            int size = MessageWriter.WriteTrailers(output.Reserve(MessageWriter.HeadBytesMax(trailers)), trailers);
            output.Commit(size);
            int fields = size - MessageWriter.TrailerFrameBytes;
            meter.SentFields(size, fields, fields);
        }
    }
}

using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>One request and its response, either of which may be compressed.</summary>
internal sealed class CompressorFilter(CompressorModel model, CompressorRoute? route, CompressionLibrary library) : HttpFilter
{
    private byte[]? _accepted;
    private BodyCompressor? _ofRequest;
    private BodyCompressor? _ofResponse;
    private BodySink? _sink;

    /// <summary>The word of Accept-Encoding that asks for this one.</summary>
    public byte[] Encoding => library.Encoding;

    /// <summary>Whether it wins where the client likes several equally.</summary>
    public bool ChoosesFirst => model.ChooseFirst;

    /// <summary>While the choice is made: whether it can be chosen.</summary>
    public bool IsCandidate { get; set; }

    /// <summary>Of the whole chain.</summary>
    public EncodingVerdict Verdict { get; set; }

    public bool IsChosen { get; set; }

    public override long BufferedBytes => _sink?.Capacity ?? 0;

    private bool CompressesResponses => route?.Responses ?? model.Responses.Enabled.Current;

    /// <summary>Whether it would compress a response of this type.</summary>
    public bool Takes(HeaderMap headers) => model.Responses.HasType(headers);

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        _accepted = Accepted(headers);
        if (CompressesResponses && (route?.RemovesAcceptEncoding ?? model.RemovesAcceptEncoding))
        {
            headers.Remove(WellKnownHeader.AcceptEncoding);
        }

        if (!end && model.Requests is { } requests && requests.Enabled.Current && Stream.Upgrade is null && IsLongEnough(requests, headers)
            && requests.HasType(headers) && !headers.TryGet("content-encoding"u8, out _) && !IsCodedInTransfer(headers))
        {
            _ofRequest = Begin(headers, requests.Stats);
        }
        else
        {
            Stream.Worker.Stats.Add(model.RequestStats.NotCompressed);
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnRequestData(ReadOnlySpan<byte> data, bool end)
    {
        if (_ofRequest is not null)
        {
            ReplaceRequestData(Compress(_ofRequest, model.RequestStats, data, end));
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnRequestTrailers(HeaderMap trailers)
    {
        if (_ofRequest is not null)
        {
            ReplaceRequestData(Compress(_ofRequest, model.RequestStats, default, end: true));
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnResponseHeaders(HeaderMap headers, bool end)
    {
        bool compresses = model.TellsStatus ? TellStatus(headers, end) : Examine(headers, end);
        if (compresses && !IsCodedInTransfer(headers))
        {
            RemoveStrongEtag(headers);
            _ofResponse = Begin(headers, model.Responses.Stats);
        }
        else
        {
            Stream.Worker.Stats.Add(model.Responses.Stats.NotCompressed);
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnResponseData(ReadOnlySpan<byte> data, bool end)
    {
        if (_ofResponse is not null)
        {
            ReplaceResponseData(Compress(_ofResponse, model.Responses.Stats, data, end));
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnResponseTrailers(HeaderMap trailers)
    {
        if (_ofResponse is not null)
        {
            ReplaceResponseData(Compress(_ofResponse, model.Responses.Stats, default, end: true));
        }

        return FilterVerdict.Continue;
    }

    public override void OnEnd(StreamInfo info)
    {
        _ofRequest?.Dispose();
        _ofResponse?.Dispose();
        _sink?.Release();
        _ofRequest = null;
        _ofResponse = null;
        _sink = null;
    }

    // The cheap questions first, as in Envoy: what clients accept is only counted for responses that are long enough.
    private bool Examine(HeaderMap headers, bool end)
    {
        bool asks = CompressesResponses && IsLongEnough(model.Responses, headers);
        bool compressible = asks && MayBeCoded(headers) && model.Responses.HasType(headers) && AllowsEtag(headers) && !IsUncompressible(headers);
        bool compresses = !end && asks && IsAccepted(headers) && compressible;
        if (compressible)
        {
            AddVary(headers);
        }

        return compresses;
    }

    // One question after the other, so that the first that is answered with no is told.
    private bool TellStatus(HeaderMap headers, bool end)
    {
        if (end || !CompressesResponses || !MayBeCoded(headers))
        {
            return false;
        }

        string? reason = !IsLongEnough(model.Responses, headers) ? "ContentLengthTooSmall"
            : !model.Responses.HasType(headers) ? "ContentTypeNotAllowed"
            : !AllowsEtag(headers) ? "EtagNotAllowed"
            : IsUncompressible(headers) ? "StatusCodeNotAllowed"
            : null;
        if (reason is not null)
        {
            AddStatus(headers, reason);
            return false;
        }

        AddVary(headers);
        if (!IsAccepted(headers))
        {
            return false;
        }

        AddStatus(headers, headers.GetText(WellKnownHeader.ContentLength) is { } length ? $"Compressed;OriginalLength={length}" : "Compressed");
        return true;
    }

    private void AddStatus(HeaderMap headers, string status)
    {
        status = $"{System.Text.Encoding.ASCII.GetString(library.Encoding)};{status}";
        if (headers.TryGet("x-envoy-compression-status"u8, out ReadOnlySpan<byte> before))
        {
            status = $"{System.Text.Encoding.ASCII.GetString(before)},{status}";
        }

        headers.Set("x-envoy-compression-status"u8, System.Text.Encoding.ASCII.GetBytes(status));
    }

    private BodyCompressor Begin(HeaderMap headers, CompressorStats stats)
    {
        headers.Remove(WellKnownHeader.ContentLength);
        headers.Set("content-encoding"u8, library.Encoding);
        Stream.Worker.Stats.Add(stats.Compressed);
        _sink ??= new BodySink(Stream.Loop.Buffers);
        return library.Create(_sink);
    }

    private ReadOnlyMemory<byte> Compress(BodyCompressor compressor, CompressorStats stats, ReadOnlySpan<byte> data, bool end)
    {
        _sink!.Clear();
        compressor.Compress(data, end);
        Stream.Worker.Stats.Add(stats.TotalUncompressedBytes, data.Length);
        Stream.Worker.Stats.Add(stats.TotalCompressedBytes, _sink.Bytes.Length);
        return _sink.Bytes;
    }

    private bool IsAccepted(HeaderMap headers)
    {
        if (_accepted is null)
        {
            Stream.Worker.Stats.Add(model.Accepts.NoAcceptHeader);
            return false;
        }

        if (Verdict == EncodingVerdict.None)
        {
            EncodingChoice.Decide(Stream, _accepted, headers);
        }

        Stream.Worker.Stats.Add(Verdict switch
        {
            EncodingVerdict.Named => IsChosen ? model.Accepts.HeaderCompressorUsed : model.Accepts.HeaderCompressorOvershadowed,
            EncodingVerdict.Identity => model.Accepts.HeaderIdentity,
            EncodingVerdict.Wildcard => model.Accepts.HeaderWildcard,
            _ => model.Accepts.HeaderNotValid,
        });
        return IsChosen;
    }

    private bool IsLongEnough(CompressorDirection direction, HeaderMap headers)
    {
        bool enough = direction.IsLongEnough(headers);
        if (!enough)
        {
            Stream.Worker.Stats.Add(direction.Stats.ContentLengthTooSmall);
        }

        return enough;
    }

    // Neither a tunnel's bytes nor what is encoded already, nor what the server forbids to change.
    private static bool MayBeCoded(HeaderMap headers) => !headers[WellKnownHeader.Status].SequenceEqual("101"u8)
        && !HasToken(headers, WellKnownHeader.CacheControl, "no-transform"u8)
        && !headers.TryGet("content-encoding"u8, out _);

    private bool AllowsEtag(HeaderMap headers)
    {
        bool allowed = !model.DisablesOnEtag || !headers.Has(WellKnownHeader.ETag);
        if (!allowed)
        {
            Stream.Worker.Stats.Add(model.Accepts.NotCompressedEtag);
        }

        return allowed;
    }

    private bool IsUncompressible(HeaderMap headers) => model.UncompressibleCodes.Length > 0
        && DecimalText.TryParse(headers[WellKnownHeader.Status], out uint status)
        && Array.BinarySearch(model.UncompressibleCodes, status) >= 0;

    private bool IsCodedInTransfer(HeaderMap headers) => headers.Has(WellKnownHeader.TransferEncoding)
        && (HasToken(headers, WellKnownHeader.TransferEncoding, "gzip"u8) || HasToken(headers, WellKnownHeader.TransferEncoding, "br"u8)
            || HasToken(headers, WellKnownHeader.TransferEncoding, "deflate"u8) || HasToken(headers, WellKnownHeader.TransferEncoding, "compress"u8)
            || HasToken(headers, WellKnownHeader.TransferEncoding, "zstd"u8) || HasToken(headers, WellKnownHeader.TransferEncoding, library.Encoding));

    private static bool HasToken(HeaderMap headers, WellKnownHeader header, ReadOnlySpan<byte> token)
    {
        for (int slot = headers.FindSlot(header); slot >= 0; slot = headers.FindSlot(header, slot + 1))
        {
            if (ConnectionHeaders.HasToken(headers.At(slot).Value, token))
            {
                return true;
            }
        }

        return false;
    }

    // The compressed bytes are others than the ones that a strong tag names.
    private static void RemoveStrongEtag(HeaderMap headers)
    {
        if (headers[WellKnownHeader.ETag] is not [(byte)'w' or (byte)'W', (byte)'/', ..])
        {
            headers.Remove(WellKnownHeader.ETag);
        }
    }

    private static void AddVary(HeaderMap headers)
    {
        if (!headers.Has(WellKnownHeader.Vary))
        {
            headers.Set(WellKnownHeader.Vary, "Accept-Encoding"u8);
        }
        else if (!HasToken(headers, WellKnownHeader.Vary, "accept-encoding"u8))
        {
            headers.AppendValue(WellKnownHeader.Vary, ", "u8, "Accept-Encoding"u8);
        }
    }

    // Kept: the header may be gone when the response comes.
    private static byte[]? Accepted(HeaderMap headers)
    {
        int slot = headers.FindSlot(WellKnownHeader.AcceptEncoding);
        if (slot < 0)
        {
            return null;
        }

        byte[] accepted = headers.At(slot).Value.ToArray();
        while ((slot = headers.FindSlot(WellKnownHeader.AcceptEncoding, slot + 1)) >= 0)
        {
            accepted = [.. accepted, (byte)',', .. headers.At(slot).Value];
        }

        return accepted;
    }
}

using System.Buffers.Text;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>Which of a chain's compressors a response is for, by its request's Accept-Encoding (RFC 9110, 12.5.3) as Envoy reads it.</summary>
internal static class EncodingChoice
{
    /// <summary>Decides once for all compressors of the request.</summary>
    /// <param name="stream">Whose filters are asked.</param>
    /// <param name="accepted">The header, with several values joined by commas.</param>
    /// <param name="headers">Of the response: its type rules some out.</param>
    public static void Decide(HttpStream stream, ReadOnlySpan<byte> accepted, HeaderMap headers)
    {
        for (int i = 0; i < stream.FilterCount; i++)
        {
            if (stream.FilterAt(i) is CompressorFilter filter)
            {
                // Of two for the same encoding only the first counts.
                filter.IsCandidate = filter.Takes(headers) && Find(stream, filter.Encoding, before: i) is null;
            }
        }

        bool names = false;
        ReadOnlySpan<byte> rest = accepted;
        while (!rest.IsEmpty)
        {
            if (TryRead(ref rest, out ReadOnlySpan<byte> name, out float q))
            {
                names = true;
                if (q == 0 && Find(stream, name, stream.FilterCount) is { } refused)
                {
                    refused.IsCandidate = false;
                }
            }
        }

        (CompressorFilter? chosen, EncodingVerdict verdict) = names && First(stream) is { } first
            ? Choose(stream, accepted, first)
            : (null, EncodingVerdict.NotValid);
        for (int i = 0; i < stream.FilterCount; i++)
        {
            if (stream.FilterAt(i) is CompressorFilter filter)
            {
                // A later one of the chosen encoding would encode as well; the filter nearest to the upstream comes first.
                filter.Verdict = verdict;
                filter.IsChosen = chosen is not null && filter.Encoding.AsSpan().SequenceEqual(chosen.Encoding);
            }
        }
    }

    private static (CompressorFilter? Chosen, EncodingVerdict Verdict) Choose(HttpStream stream, ReadOnlySpan<byte> accepted, CompressorFilter first)
    {
        CompressorFilter? chosen = null;
        EncodingVerdict verdict = EncodingVerdict.NotValid;
        float best = 0;
        while (!accepted.IsEmpty)
        {
            if (!TryRead(ref accepted, out ReadOnlySpan<byte> name, out float q))
            {
                continue;
            }

            CompressorFilter? named = Find(stream, name, stream.FilterCount);
            EncodingVerdict next = named is not null ? EncodingVerdict.Named
                : name.SequenceEqual("identity"u8) ? EncodingVerdict.Identity
                : name.SequenceEqual("*"u8) ? EncodingVerdict.Wildcard
                : EncodingVerdict.None;
            if (next != EncodingVerdict.None && (q > best || (q == best && named is { ChoosesFirst: true })))
            {
                best = q;
                verdict = next;
                chosen = next == EncodingVerdict.Wildcard ? first : named;
            }
        }

        return (chosen, verdict);
    }

    private static CompressorFilter? Find(HttpStream stream, ReadOnlySpan<byte> encoding, int before)
    {
        for (int i = 0; i < before; i++)
        {
            if (stream.FilterAt(i) is CompressorFilter { IsCandidate: true } filter && encoding.SequenceEqual(filter.Encoding))
            {
                return filter;
            }
        }

        return null;
    }

    private static CompressorFilter? First(HttpStream stream)
    {
        for (int i = 0; i < stream.FilterCount; i++)
        {
            if (stream.FilterAt(i) is CompressorFilter { IsCandidate: true } filter)
            {
                return filter;
            }
        }

        return null;
    }

    // False for a member without a name or with a weight that is no number: it does not count.
    private static bool TryRead(ref ReadOnlySpan<byte> list, out ReadOnlySpan<byte> name, out float q)
    {
        ReadOnlySpan<byte> member = ConnectionHeaders.NextToken(ref list);
        q = 1;
        int semicolon = member.IndexOf((byte)';');
        name = (semicolon < 0 ? member : member[..semicolon]).Trim(" \t"u8);
        if (semicolon < 0)
        {
            return !name.IsEmpty;
        }

        ReadOnlySpan<byte> parameter = member[(semicolon + 1)..];
        int equals = parameter.IndexOf((byte)'=');
        if (equals < 0 || parameter[..equals].Trim(" \t"u8) is not [(byte)'q' or (byte)'Q'])
        {
            return !name.IsEmpty;
        }

        ReadOnlySpan<byte> weight = parameter[(equals + 1)..].Trim(" \t"u8);
        return Utf8Parser.TryParse(weight, out q, out int read) && read == weight.Length && !name.IsEmpty;
    }
}

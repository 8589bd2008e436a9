using System.Buffers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Parses a complete request head (RFC 9112 sections 3 and 5) into a header map:
/// <code>method SP request-target SP HTTP/1.x CRLF *( field-line CRLF ) CRLF</code>
/// Method, target and Host become <c>:method</c>, <c>:path</c> and <c>:authority</c>; the absolute form gives <c>:scheme</c> and overrides Host.
/// </summary>
internal static class RequestHeadParser
{
    private const int VersionLength = 8;

    /// <param name="head">The head with its empty line.</param>
    /// <param name="map">Where the fields go.</param>
    /// <param name="limits">Bounds.</param>
    /// <param name="version">HTTP/1.1 unless the head says 1.0.</param>
    /// <param name="fieldBytes">The fields' bytes as a meter counts them.</param>
    public static Http1Error? Parse(ReadOnlySpan<byte> head, HeaderMap map, Http1Limits limits, out HttpProtocol version, out int fieldBytes)
    {
        fieldBytes = 0;
        version = HttpProtocol.Http11;
        int start = map.AdoptHead(head);
        Span<byte> bytes = map.HeadBytes(start, head.Length);
        int methodEnd = bytes.IndexOfAnyExcept(HttpCharacters.Token);
        if (methodEnd <= 0 || bytes[methodEnd] != ' ')
        {
            return Http1Error.Codec;
        }

        if (!limits.AllowCustomMethods && !HttpMethods.IsKnown(bytes[..methodEnd]))
        {
            return Http1Error.Codec;
        }

        int targetStart = methodEnd + 1;
        int targetLength = bytes[targetStart..].IndexOfAny(HttpCharacters.NotInTarget);
        int targetEnd = targetStart + targetLength;
        if (targetLength <= 0 || bytes[targetEnd] != ' ')
        {
            return targetLength > 0 && bytes[targetEnd] is not ((byte)'\r' or (byte)'\n') ? Http1Error.InvalidUrl : Http1Error.Codec;
        }

        int lineEnd = targetEnd + 1 + VersionLength;
        if (!TryReadVersion(bytes[(targetEnd + 1)..], out version) || bytes[lineEnd] != '\r' || bytes[lineEnd + 1] != '\n')
        {
            return Http1Error.Codec;
        }

        map.AddSlice(WellKnownHeader.Method, 0, 0, start, methodEnd, canonical: false);
        Http1Error? error = AddTarget(map, bytes[..methodEnd], start + targetStart, targetLength, limits);
        error ??= FieldParser.Parse(map, start + lineEnd + 2, start + head.Length, limits, out fieldBytes);
        return error ?? ResolveHost(map);
    }

    private static bool TryReadVersion(ReadOnlySpan<byte> bytes, out HttpProtocol version)
    {
        version = HttpProtocol.Http11;
        if (bytes.StartsWith("HTTP/1.1"u8))
        {
            return true;
        }

        version = HttpProtocol.Http10;
        return bytes.StartsWith("HTTP/1.0"u8);
    }

    private static Http1Error? AddTarget(HeaderMap map, ReadOnlySpan<byte> method, int offset, int length, Http1Limits limits)
    {
        ReadOnlySpan<byte> target = map.HeadBytes(offset, length);
        if (method.SequenceEqual("CONNECT"u8))
        {
            map.AddSlice(WellKnownHeader.Authority, 0, 0, offset, length, canonical: false);
            return target.ContainsAnyExcept(HttpCharacters.Authority) ? Http1Error.InvalidUrl : null;
        }

        if (target[0] == '/' || target.SequenceEqual("*"u8))
        {
            map.AddSlice(WellKnownHeader.Path, 0, 0, offset, length, canonical: false);
            return null;
        }

        int schemeLength = HttpUrl.SchemeLength(target);
        if (schemeLength == 0 || !limits.AllowAbsoluteUrl)
        {
            return Http1Error.InvalidUrl;
        }

        return AddAbsolute(map, offset, length, schemeLength);
    }

    // Absolute form (RFC 9112 section 3.2.2): what the URL says wins over Host.
    private static Http1Error? AddAbsolute(HeaderMap map, int offset, int length, int schemeLength)
    {
        ReadOnlySpan<byte> target = map.HeadBytes(offset, length);
        int authorityStart = schemeLength + 3;
        int authorityLength = target[authorityStart..].IndexOfAny((byte)'/', (byte)'?');
        if (authorityLength < 0)
        {
            authorityLength = length - authorityStart;
        }

        ReadOnlySpan<byte> authority = target.Slice(authorityStart, authorityLength);
        if (authority.IsEmpty || authority.Contains((byte)'@') || authority.ContainsAnyExcept(HttpCharacters.Authority))
        {
            return Http1Error.InvalidUrl;
        }

        int pathStart = authorityStart + authorityLength;
        map.AddSlice(WellKnownHeader.Scheme, 0, 0, offset, schemeLength, canonical: false);
        map.AddSlice(WellKnownHeader.Authority, 0, 0, offset + authorityStart, authorityLength, canonical: false);
        if (pathStart < length && target[pathStart] == '/')
        {
            map.AddSlice(WellKnownHeader.Path, 0, 0, offset + pathStart, length - pathStart, canonical: false);
            return null;
        }

        // No path, or a query right behind the authority: the path is '/'.
        Span<byte> path = stackalloc byte[1 + length - pathStart];
        path[0] = (byte)'/';
        target[pathStart..].CopyTo(path[1..]);
        map.Add(WellKnownHeader.Path, path);
        return null;
    }

    private static Http1Error? ResolveHost(HeaderMap map)
    {
        int slot = map.FindSlot(WellKnownHeader.Host);
        if (slot < 0)
        {
            return null;
        }

        // Two Host fields are how requests get routed by one name and served by another.
        if (map.FindSlot(WellKnownHeader.Host, slot + 1) >= 0)
        {
            return Http1Error.Codec;
        }

        if (map.Has(WellKnownHeader.Authority))
        {
            map.Remove(WellKnownHeader.Host);
            return null;
        }

        map.Rename(slot, WellKnownHeader.Authority);
        return map[WellKnownHeader.Authority].ContainsAnyExcept(HttpCharacters.Authority) ? Http1Error.InvalidAuthority : null;
    }
}

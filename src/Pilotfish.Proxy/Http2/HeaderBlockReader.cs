using System.Buffers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2.Hpack;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// Puts the fields of one block into a header map and holds them against RFC 9113 section 8: pseudo-headers first, once and complete,
/// lower-case names, no connection-specific fields; and against the limits of count and bytes, so that a small block cannot become a
/// large message. One per connection, reused.
/// </summary>
internal sealed class HeaderBlockReader : IHpackSink
{
    private static readonly SearchValues<byte> s_nameCharacters = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"u8);

    private HeaderMap? _map;
    private HeaderBlockKind _kind;
    private bool _regularSeen;
    private int _fields;
    private int _bytes;
    private int _cookies;
    private long _contentLength;

    public HeaderBlockFault Fault { get; private set; }

    /// <summary>Fields left out because of headers_with_underscores_action.</summary>
    public int Dropped { get; private set; }

    /// <summary>Names and values of the block's fields, those included that were left out or were too much.</summary>
    public int Bytes => _bytes;

    /// <summary>What content-length announced, or -1.</summary>
    public long ContentLength => _contentLength;

    public required Http1Limits Limits { get; init; }

    /// <summary>Whether this side offered extended CONNECT; without, its pseudo-header field is unknown (RFC 8441 section 3).</summary>
    public bool AllowsProtocol { get; init; }

    public void Begin(HeaderMap? map, HeaderBlockKind kind)
    {
        _map = map;
        _kind = kind;
        _regularSeen = false;
        _fields = 0;
        _bytes = 0;
        _cookies = 0;
        _contentLength = -1;
        Dropped = 0;
        Fault = kind == HeaderBlockKind.Ignored ? HeaderBlockFault.Messaging : HeaderBlockFault.None;
    }

    public void OnField(WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (Fault != HeaderBlockFault.None)
        {
            return;
        }

        _bytes += name.Length + value.Length;
        if (++_fields > Limits.Headers)
        {
            Fault = HeaderBlockFault.TooMany;
        }
        else if (_bytes > Limits.HeadBytes)
        {
            Fault = HeaderBlockFault.TooLarge;
        }
        else
        {
            Fault = Take(known, name, value);
        }
    }

    /// <summary>After the last field: what the block as a whole must have.</summary>
    public HeaderBlockFault Finish()
    {
        if (Fault != HeaderBlockFault.None || _kind is HeaderBlockKind.Trailers)
        {
            return Fault;
        }

        HeaderMap map = _map!;
        Fault = _kind == HeaderBlockKind.Response ? CheckResponse(map) : CheckRequest(map);
        if (_cookies > 1 && Fault == HeaderBlockFault.None)
        {
            MergeCookies(map);
        }

        return Fault;
    }

    private HeaderBlockFault Take(WellKnownHeader known, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (value.ContainsAny(HttpCharacters.NotInValue) || (value.Length > 0 && (IsBlank(value[0]) || IsBlank(value[^1]))))
        {
            return HeaderBlockFault.InvalidField;
        }

        if (name.Length > 0 && name[0] == ':')
        {
            return TakePseudo(known, value);
        }

        _regularSeen = true;
        if (known == WellKnownHeader.None)
        {
            if (name.IsEmpty || name.ContainsAnyExcept(s_nameCharacters))
            {
                return HeaderBlockFault.InvalidField;
            }

            if (Limits.Underscores != UnderscorePolicy.Allow && name.Contains((byte)'_'))
            {
                Dropped++;
                return Limits.Underscores == UnderscorePolicy.RejectRequest ? HeaderBlockFault.Underscore : HeaderBlockFault.None;
            }

            _map!.Add(name, value);
            return HeaderBlockFault.None;
        }

        switch (known)
        {
            case WellKnownHeader.Connection or WellKnownHeader.KeepAlive or WellKnownHeader.ProxyConnection
                or WellKnownHeader.TransferEncoding or WellKnownHeader.Upgrade:
                return HeaderBlockFault.Messaging;
            case WellKnownHeader.Te when !value.SequenceEqual("trailers"u8):
                return HeaderBlockFault.Messaging;
            case WellKnownHeader.Host when value.ContainsAnyExcept(HttpCharacters.Authority):
                return HeaderBlockFault.InvalidField;
            case WellKnownHeader.ContentLength when _kind != HeaderBlockKind.Trailers:
                return TakeLength(value);
            case WellKnownHeader.Cookie:
                _cookies++;
                break;
            default:
                break;
        }

        _map!.Add(known, value);
        return HeaderBlockFault.None;
    }

    private HeaderBlockFault TakePseudo(WellKnownHeader known, ReadOnlySpan<byte> value)
    {
        bool belongs = _kind switch
        {
            HeaderBlockKind.Request => known is WellKnownHeader.Method or WellKnownHeader.Path or WellKnownHeader.Authority
                or WellKnownHeader.Scheme || (known == WellKnownHeader.Protocol && AllowsProtocol),
            HeaderBlockKind.Response => known == WellKnownHeader.Status,
            _ => false,
        };
        if (!belongs || _regularSeen || _map!.Has(known))
        {
            return HeaderBlockFault.Messaging;
        }

        if (known is WellKnownHeader.Path && value.ContainsAny(HttpCharacters.NotInTarget))
        {
            return HeaderBlockFault.InvalidField;
        }

        if (known is WellKnownHeader.Authority && value.ContainsAnyExcept(HttpCharacters.Authority))
        {
            return HeaderBlockFault.InvalidField;
        }

        if (known is WellKnownHeader.Method && value.ContainsAnyExcept(HttpCharacters.Token))
        {
            return HeaderBlockFault.InvalidField;
        }

        _map.Add(known, value);
        return HeaderBlockFault.None;
    }

    private HeaderBlockFault TakeLength(ReadOnlySpan<byte> digits)
    {
        long length = 0;
        if (digits.IsEmpty || digits.Length > 18)
        {
            return HeaderBlockFault.Messaging;
        }

        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'9')
            {
                return HeaderBlockFault.Messaging;
            }

            length = (length * 10) + digit - '0';
        }

        if (_contentLength >= 0)
        {
            return HeaderBlockFault.Messaging;
        }

        _contentLength = length;
        _map!.Add(WellKnownHeader.ContentLength, digits);
        return HeaderBlockFault.None;
    }

    private static HeaderBlockFault CheckRequest(HeaderMap map)
    {
        if (!map.TryGet(WellKnownHeader.Method, out ReadOnlySpan<byte> method) || method.IsEmpty)
        {
            return HeaderBlockFault.Messaging;
        }

        bool isConnect = method.SequenceEqual("CONNECT"u8);
        bool isExtended = map.Has(WellKnownHeader.Protocol);
        bool hasTarget = map.Has(WellKnownHeader.Scheme) && map.Has(WellKnownHeader.Path);
        if (isConnect && !isExtended)
        {
            // Section 8.5: :scheme and :path must be absent.
            bool plain = !map.Has(WellKnownHeader.Scheme) && !map.Has(WellKnownHeader.Path) && map.Has(WellKnownHeader.Authority);
            return plain ? HeaderBlockFault.None : HeaderBlockFault.Messaging;
        }

        if (!hasTarget || map[WellKnownHeader.Path].IsEmpty || (isExtended && !isConnect))
        {
            return HeaderBlockFault.Messaging;
        }

        if (map.Has(WellKnownHeader.Authority))
        {
            map.Remove(WellKnownHeader.Host);
        }
        else
        {
            int slot = map.FindSlot(WellKnownHeader.Host);
            if (slot >= 0)
            {
                map.Rename(slot, WellKnownHeader.Authority);
                map.Remove(WellKnownHeader.Host);
            }
        }

        return HeaderBlockFault.None;
    }

    private static HeaderBlockFault CheckResponse(HeaderMap map)
    {
        ReadOnlySpan<byte> status = map[WellKnownHeader.Status];
        bool valid = status.Length == 3 && status[0] is >= (byte)'1' and <= (byte)'5'
            && status[1] is >= (byte)'0' and <= (byte)'9' && status[2] is >= (byte)'0' and <= (byte)'9' && !status.SequenceEqual("101"u8);
        return valid ? HeaderBlockFault.None : HeaderBlockFault.Messaging;
    }

    // Crumbs become one header again (section 8.2.3), joined once, however many they are.
    private static void MergeCookies(HeaderMap map)
    {
        int length = 0;
        for (int slot = map.FindSlot(WellKnownHeader.Cookie); slot >= 0; slot = map.FindSlot(WellKnownHeader.Cookie, slot + 1))
        {
            length += map.At(slot).Value.Length + 2;
        }

        byte[] joined = ArrayPool<byte>.Shared.Rent(length);
        int at = 0;
        for (int slot = map.FindSlot(WellKnownHeader.Cookie); slot >= 0; slot = map.FindSlot(WellKnownHeader.Cookie, slot + 1))
        {
            if (at > 0)
            {
                joined[at++] = (byte)';';
                joined[at++] = (byte)' ';
            }

            ReadOnlySpan<byte> crumb = map.At(slot).Value;
            crumb.CopyTo(joined.AsSpan(at));
            at += crumb.Length;
        }

        map.Set(WellKnownHeader.Cookie, joined.AsSpan(0, at));
        ArrayPool<byte>.Shared.Return(joined);
    }

    private static bool IsBlank(byte value) => value is (byte)' ' or (byte)'\t';
}

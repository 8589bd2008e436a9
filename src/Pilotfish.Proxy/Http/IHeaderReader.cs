namespace Pilotfish.Proxy.Http;

/// <summary>
/// Read access to a header map, for access logs, filters and matchers. Names are lower case; <c>:method</c>, <c>:path</c>,
/// <c>:authority</c>, <c>:scheme</c> and <c>:status</c> are entries like others. Spans are valid until the map changes.
/// </summary>
public interface IHeaderReader
{
    /// <summary>Entries, to be walked with <see cref="EntryAt"/>.</summary>
    int Count { get; }

    HeaderEntry EntryAt(int index);

    bool Has(WellKnownHeader header);

    /// <summary>The first value of a header, or false.</summary>
    bool TryGet(WellKnownHeader header, out ReadOnlySpan<byte> value);

    /// <summary>The first value of a header named in lower case, or false.</summary>
    bool TryGet(ReadOnlySpan<byte> lowerCaseName, out ReadOnlySpan<byte> value);

    /// <summary>Bytes of names, values and separators as %REQUEST_HEADERS_BYTES% counts them.</summary>
    int ByteSize { get; }
}

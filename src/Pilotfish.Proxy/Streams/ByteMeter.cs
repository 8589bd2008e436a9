namespace Pilotfish.Proxy.Streams;

/// <summary>
/// What the codecs counted of one side of a stream, in bytes before TLS. "Wire" is all that belongs to the stream, heads and framing
/// included: start lines, chunk sizes and line ends in HTTP/1, frames with their headers in HTTP/2. "Header" is the fields as they
/// travel: in HTTP/1 each with its separators but without white space around a received value, in HTTP/2 the frames of header blocks.
/// "Decompressed" is the same for HTTP/1, and names and values for HTTP/2. Codecs count when they write or read, so an upstream's meter
/// goes on over the attempts of a request. Plain fields that hot code adds to in place. Loop-affine.
/// Names and rules are those of Envoy's BytesMeter (access log operators ..._WIRE_BYTES_..., ..._HEADER_BYTES_...).
/// </summary>
public struct ByteMeter
{
    public long WireBytesSent;
    public long WireBytesReceived;
    public long HeaderBytesSent;
    public long HeaderBytesReceived;
    public long DecompressedHeaderBytesSent;
    public long DecompressedHeaderBytesReceived;

    /// <summary>A head or trailers left: <paramref name="wireBytes"/> in all, of which <paramref name="headerBytes"/> are fields.</summary>
    public void SentFields(int wireBytes, int headerBytes, int decompressedBytes)
    {
        WireBytesSent += wireBytes;
        HeaderBytesSent += headerBytes;
        DecompressedHeaderBytesSent += decompressedBytes;
    }

    /// <summary>Fields came; what they took on the wire is counted with it where the codec does not count received bytes as a whole.</summary>
    public void ReceivedFields(int wireBytes, int headerBytes, int decompressedBytes)
    {
        WireBytesReceived += wireBytes;
        HeaderBytesReceived += headerBytes;
        DecompressedHeaderBytesReceived += decompressedBytes;
    }
}

namespace Pilotfish.Proxy.Filters.GrpcWeb;

/// <summary>
/// Finds where the length-prefixed messages of a gRPC body end, however they are split (gRPC over HTTP2, "Length-Prefixed-Message"):
/// <code>Compressed-Flag (1 byte) | Message-Length (4 bytes, big endian) | Message</code>
/// </summary>
internal struct GrpcFrameBoundary
{
    private const int PrefixBytes = 5;

    private int _prefixSeen;
    private uint _length;
    private long _left;

    /// <summary>How many bytes of the data belong to the message that is under way, and whether it ends with them.</summary>
    public int Advance(ReadOnlySpan<byte> data, out bool ends)
    {
        int at = 0;
        for (; _prefixSeen < PrefixBytes && at < data.Length; at++)
        {
            // The flag is the first byte and shifts out of the length's 32 bits.
            _length = (_length << 8) | data[at];
            if (++_prefixSeen == PrefixBytes)
            {
                _left = _length;
            }
        }

        int message = (int)Math.Min(_left, data.Length - at);
        _left -= message;
        ends = _prefixSeen == PrefixBytes && _left == 0;
        if (ends)
        {
            _prefixSeen = 0;
        }

        return at + message;
    }
}

namespace Pilotfish.Proxy.Filters.GrpcWeb;

/// <summary>
/// Decodes the base64 of an application/grpc-web-text body (RFC 4648 section 4), however it is split. Padding is mandatory; clients may pad each
/// message and go on (grpc PROTOCOL-WEB.md), so padding ends a quantum and not the body.
/// </summary>
internal struct WebTextDecoder
{
    private const int QuantumChars = 4;
    private const byte Padding = (byte)'=';

    private int _seen;
    private uint _bits;
    private int _padding;

    /// <summary>Whether the body may end here.</summary>
    public readonly bool IsComplete => _seen == 0;

    /// <summary>Decodes everything; false when a character or the padding is wrong.</summary>
    /// <param name="text">What came.</param>
    /// <param name="output">Room for at least three bytes per four characters, rounded up.</param>
    /// <param name="written">Bytes decoded.</param>
    public bool TryDecode(ReadOnlySpan<byte> text, Span<byte> output, out int written)
    {
        written = 0;
        foreach (byte c in text)
        {
            int value = ValueOf(c);
            bool isPadding = c == Padding && _seen >= 2;
            if ((value < 0 && !isPadding) || (value >= 0 && _padding > 0))
            {
                return false;
            }

            _padding += isPadding ? 1 : 0;
            _bits = (_bits << 6) | (uint)Math.Max(value, 0);
            if (++_seen < QuantumChars)
            {
                continue;
            }

            // Bits that padding covers must be zero: one meaning, one spelling.
            int bytes = 3 - _padding;
            if ((_bits & ((1u << (8 * _padding)) - 1)) != 0)
            {
                return false;
            }

            for (int i = 0; i < bytes; i++)
            {
                output[written++] = (byte)(_bits >> (16 - (8 * i)));
            }

            _seen = 0;
            _bits = 0;
            _padding = 0;
        }

        return true;
    }

    private static int ValueOf(byte c) => c switch
    {
        >= (byte)'A' and <= (byte)'Z' => c - 'A',
        >= (byte)'a' and <= (byte)'z' => c - 'a' + 26,
        >= (byte)'0' and <= (byte)'9' => c - '0' + 52,
        (byte)'+' => 62,
        (byte)'/' => 63,
        _ => -1,
    };
}

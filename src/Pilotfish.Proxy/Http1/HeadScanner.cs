namespace Pilotfish.Proxy.Http1;

/// <summary>Finds the end of a message head as bytes arrive, looking at each byte about once.</summary>
internal struct HeadScanner
{
    // Bytes in front of the scan position that may be the first part of CRLF CRLF.
    private const int TerminatorOverlap = 3;

    private int _scanned;

    /// <summary>Whether no byte of the head has been looked at.</summary>
    public readonly bool IsAtStart => _scanned == 0;

    /// <summary>
    /// The length of the head including its empty line, or 0 while it is incomplete. <paramref name="bareLineFeed"/> tells that a line
    /// ends without CR: such a head may never end by our rules, so it is refused at once rather than at a timeout.
    /// </summary>
    public int Scan(ReadOnlySpan<byte> bytes, out bool bareLineFeed)
    {
        bareLineFeed = false;
        int from = Math.Max(0, _scanned - TerminatorOverlap);
        int end = bytes[from..].IndexOf("\r\n\r\n"u8);
        if (end >= 0)
        {
            _scanned = 0;
            return from + end + 4;
        }

        for (int i = _scanned; i < bytes.Length;)
        {
            int feed = bytes[i..].IndexOf((byte)'\n');
            if (feed < 0)
            {
                break;
            }

            i += feed + 1;
            if (i < 2 || bytes[i - 2] != '\r')
            {
                bareLineFeed = true;
                return 0;
            }
        }

        _scanned = bytes.Length;
        return 0;
    }

    public void Reset() => _scanned = 0;
}

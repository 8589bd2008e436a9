namespace Pilotfish.Proxy.Http2;

/// <summary>
/// What a peer still lets us send (RFC 9113 section 6.9): of one stream, or of the connection. A changed initial window may push a
/// stream's below zero (section 6.9.2); sending waits then.
/// </summary>
internal struct SendWindow(int initial)
{
    private int _size = initial;

    public readonly int Available => Math.Max(0, _size);

    public void Sent(int bytes) => _size -= bytes;

    /// <summary>False when the window would pass 2^31-1 (FLOW_CONTROL_ERROR).</summary>
    public bool TryAdd(int bytes)
    {
        long sum = (long)_size + bytes;
        if (sum > int.MaxValue)
        {
            return false;
        }

        _size = (int)sum;
        return true;
    }
}

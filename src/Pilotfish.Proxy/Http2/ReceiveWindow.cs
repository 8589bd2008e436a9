namespace Pilotfish.Proxy.Http2;

/// <summary>
/// What we let a peer send (RFC 9113 section 6.9). Credit goes back in portions of half a window, so that a small body costs no frame and
/// a steady flow never runs dry.
/// </summary>
internal struct ReceiveWindow(int size)
{
    private readonly int _size = size;
    private int _available = size;
    private int _consumed;

    /// <summary>Bytes that came in and whose credit was not given back.</summary>
    public readonly int Outstanding => _size - _available;

    /// <summary>False when the peer sent more than it may (FLOW_CONTROL_ERROR).</summary>
    public bool TryReceive(int bytes)
    {
        if (bytes > _available)
        {
            return false;
        }

        _available -= bytes;
        return true;
    }

    /// <summary>Bytes were passed on; returns the credit to send now, or 0.</summary>
    public int Consumed(int bytes)
    {
        _consumed += bytes;
        if (_consumed < (_size + 1) / 2)
        {
            return 0;
        }

        int credit = _consumed;
        _consumed = 0;
        _available += credit;
        return credit;
    }
}

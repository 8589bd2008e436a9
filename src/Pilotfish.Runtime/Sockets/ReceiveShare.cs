namespace Pilotfish.Runtime.Sockets;

/// <summary>How much of a turn one stream has used up by receiving. Loop-affine.</summary>
internal struct ReceiveShare
{
    /// <summary>
    /// What one stream may receive before others have their turn, give or take the last piece: about a tenth of a millisecond of work. Whoever
    /// passes it on hears at the turn's end that it was too much, so this is also how far limits on buffers are passed.
    /// </summary>
    public const int BytesPerTurnMax = 256 * 1024;

    // The same for small pieces, of which each costs a call.
    private const int ReceivesPerTurnMax = 32;

    private long _turn;
    private int _receives;
    private int _bytes;

    /// <summary>Whether another receive may succeed at once.</summary>
    public bool TryTake(long turn)
    {
        Begin(turn);
        return ++_receives <= ReceivesPerTurnMax && _bytes < BytesPerTurnMax;
    }

    public void Received(long turn, int bytes)
    {
        Begin(turn);
        _bytes += bytes;
    }

    private void Begin(long turn)
    {
        if (_turn != turn)
        {
            _turn = turn;
            _receives = 0;
            _bytes = 0;
        }
    }
}

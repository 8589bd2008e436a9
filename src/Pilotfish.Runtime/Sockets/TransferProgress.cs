namespace Pilotfish.Runtime.Sockets;

/// <summary>What a running transfer has moved, for counters and idle time-outs of its owner. Loop-affine.</summary>
public class TransferProgress
{
    public long Bytes { get; private set; }

    /// <summary>The loop's coarse time of the last byte.</summary>
    public long LastActivityMilliseconds { get; private set; }

    /// <summary>The source is not read for a while, because the destination takes no more.</summary>
    public virtual void Pause()
    {
    }

    /// <summary>The pause is over.</summary>
    public virtual void Resume()
    {
    }

    public void Add(long bytes, long nowMilliseconds)
    {
        Bytes += bytes;
        LastActivityMilliseconds = nowMilliseconds;
    }
}

namespace Pilotfish.Runtime.Streams;

/// <summary>Outcome of a receive or send: bytes moved, or why none were.</summary>
public readonly record struct IoResult(int Bytes, IoError Error)
{
    public bool IsOk => Error == IoError.None;

    /// <summary>The peer sent everything it will send. Meaningful for a receive into a buffer that was not empty.</summary>
    public bool IsEnd => Error == IoError.None && Bytes == 0;

    public bool IsWouldBlock => Error == IoError.WouldBlock;

    public static IoResult Ok(int bytes) => new(bytes, IoError.None);

    public static IoResult Failed(IoError error) => new(0, error);
}

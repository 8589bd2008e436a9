namespace Pilotfish.Runtime.Streams;

/// <summary>An <see cref="IoError"/> on its way through a library that only knows exceptions.</summary>
public sealed class ByteStreamException(IoError error) : IOException(error.Describe())
{
    public IoError Error => error;
}

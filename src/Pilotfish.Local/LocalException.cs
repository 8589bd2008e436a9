namespace Pilotfish.Local;

/// <summary>The mesh on this machine could not do what was asked; the message is for the person and says what to do.</summary>
public sealed class LocalException : Exception
{
    public LocalException()
    {
    }

    public LocalException(string message)
        : base(message)
    {
    }

    public LocalException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

namespace Pilotfish.Capture;

/// <summary>Capture could not be set up; the message is for the operator and says what to do.</summary>
public sealed class CaptureException : Exception
{
    public CaptureException()
    {
    }

    public CaptureException(string message)
        : base(message)
    {
    }

    public CaptureException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

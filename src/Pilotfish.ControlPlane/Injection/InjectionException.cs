namespace Pilotfish.ControlPlane.Injection;

/// <summary>A pod or a configuration that cannot be injected; the message is for the person who wrote it.</summary>
public sealed class InjectionException : Exception
{
    public InjectionException(string message)
        : base(message)
    {
    }

    public InjectionException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Loops;

/// <summary>Brings a process signal to a loop. The default action (ending the process) is suppressed while it is registered.</summary>
public sealed class ProcessSignals : IDisposable
{
    private readonly PosixSignalRegistration _registration;

    private ProcessSignals(PosixSignalRegistration registration) => _registration = registration;

    /// <summary>Calls back on the loop each time the signal arrives.</summary>
    public static ProcessSignals Register(EventLoop loop, PosixSignal signal, Action<PosixSignal> callback) =>
        new(PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            loop.Post(_ => callback(signal), null);
        }));

    public void Dispose() => _registration.Dispose();
}

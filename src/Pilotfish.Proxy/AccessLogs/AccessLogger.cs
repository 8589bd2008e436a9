using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>One configured logger. Called on workers; never blocks and never fails towards its caller.</summary>
internal abstract class AccessLogger
{
    public abstract void Write(Worker worker, in FormatSource source);
}

using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>Hands records of one format to a collector.</summary>
internal sealed class CollectorLogger(CollectorSink sink, ILogEntryFormat format) : AccessLogger
{
    public override void Write(Worker worker, in FormatSource source) => sink.Of(worker).Write(format, in source);
}

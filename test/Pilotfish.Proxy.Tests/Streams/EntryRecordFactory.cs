using Envoy.Data.Accesslog.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.AccessLogs.Collectors;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Tests.Streams;

/// <summary>An access logger (google.protobuf.Int32Value) that keeps what an access log service would read of each record.</summary>
internal sealed class EntryRecordFactory(List<HTTPAccessLogEntry> entries) : IAccessLoggerFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.Int32Value"];

    public AccessLogger Create(in ExtensionConfig config, CompileContext context) => new Logger(entries);

    private sealed class Logger(List<HTTPAccessLogEntry> entries) : AccessLogger
    {
        public override void Write(Worker worker, in FormatSource source) =>
            entries.Add(LogEntrySample.Read(LogEntrySample.Http(), source.Info, source.Type, HTTPAccessLogEntry.Parser));
    }
}

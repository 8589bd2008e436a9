using System.Text;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Tests.Tunnels;

/// <summary>An access logger that keeps its records' text: its config is the format, as a BytesValue.</summary>
internal sealed class FormattedRecordFactory(List<string> records) : IAccessLoggerFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.BytesValue"];

    public AccessLogger Create(in ExtensionConfig config, CompileContext context) =>
        new Logger(FormatProgram.Compile(config.Parse(BytesValue.Parser).Value.ToStringUtf8(), config.Field), records);

    private sealed class Logger(FormatProgram program, List<string> records) : AccessLogger
    {
        public override void Write(Worker worker, in FormatSource source)
        {
            var output = new FormatOutput();
            program.Append(output, source.Info, source.Type);
            records.Add(Encoding.UTF8.GetString(output.Written));
        }
    }
}

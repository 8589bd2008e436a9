using Pilotfish.Language.Formats;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>A text record; the format ends its own line.</summary>
internal sealed class TextRecordFormat(FormatProgram program) : IRecordFormat
{
    public void Append(FormatOutput output, FormatOutput scratch, in FormatSource source) =>
        program.Append(output, in source);
}

using Pilotfish.Language.Formats;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Turns a stream into one record of an access log.</summary>
internal interface IRecordFormat
{
    /// <summary>Appends the record to <paramref name="output"/>; <paramref name="scratch"/> is room for intermediate text.</summary>
    void Append(FormatOutput output, FormatOutput scratch, in FormatSource source);
}

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>Writes the fields of one entry of a collector's message. Immutable; called on workers.</summary>
internal interface ILogEntryFormat
{
    void Write(WireWriter writer, in FormatSource source);
}

namespace Pilotfish.Language.Dns;

/// <summary>What is asked for. The name ends with a dot and keeps the case of the asker.</summary>
public readonly record struct DnsQuestion(string Name, DnsRecordType Type, ushort Class = DnsMessage.ClassInternet);

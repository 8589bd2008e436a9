using Pilotfish.Language.Formats;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Writes one operator's value, or nothing and Missing. Allocates nothing for facts that exist as text, bytes or numbers.</summary>
internal delegate FormatValueKind FormatOperation(in FormatSource source, FormatOutput output);

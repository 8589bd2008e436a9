namespace Pilotfish.Language.Formats.Arguments;

/// <summary>Which of server name (SNI) and host REQUESTED_SERVER_NAME prints.</summary>
public enum ServerNameOrder : byte
{
    SniOnly,
    SniFirst,
    HostFirst,
}

namespace Pilotfish.Language.Formats.Arguments;

/// <summary>How GRPC_STATUS prints a status.</summary>
public enum GrpcStatusForm : byte
{
    CamelString,
    SnakeString,
    Number,
}

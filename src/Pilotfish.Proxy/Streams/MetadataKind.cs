namespace Pilotfish.Proxy.Streams;

public enum MetadataKind : byte
{
    Null,
    Number,
    Text,
    Boolean,
    Struct,
    List,
}

namespace Pilotfish.Language.Cel;

/// <summary>A type as the checker knows it. Immutable.</summary>
public sealed class CelType
{
    public static readonly CelType Null = new(CelKind.Null);
    public static readonly CelType Bool = new(CelKind.Bool);
    public static readonly CelType Int = new(CelKind.Int);
    public static readonly CelType Uint = new(CelKind.Uint);
    public static readonly CelType Double = new(CelKind.Double);
    public static readonly CelType String = new(CelKind.String);
    public static readonly CelType Bytes = new(CelKind.Bytes);
    public static readonly CelType Timestamp = new(CelKind.Timestamp);
    public static readonly CelType Duration = new(CelKind.Duration);
    public static readonly CelType Dyn = new(CelKind.Dyn);

    private CelType(CelKind kind) => Kind = kind;

    public CelKind Kind { get; }

    /// <summary>Of lists: the elements' type. Of maps: the values' type; keys are not checked.</summary>
    public CelType? Item { get; private init; }

    /// <summary>Of messages only.</summary>
    public IReadOnlyDictionary<string, CelType>? Fields { get; private init; }

    public bool IsDyn => Kind == CelKind.Dyn;

    public bool IsNumber => Kind is CelKind.Int or CelKind.Uint or CelKind.Double;

    public static CelType ListOf(CelType item) => new(CelKind.List) { Item = item };

    public static CelType MapOf(CelType value) => new(CelKind.Map) { Item = value };

    public static CelType MessageOf(IReadOnlyDictionary<string, CelType> fields) => new(CelKind.Message) { Fields = fields };

    /// <summary>Whether a value of this type may be of a kind.</summary>
    public bool MayBe(CelKind kind) => Kind == kind || IsDyn;

    /// <summary>The type of a place where either may stand.</summary>
    public static CelType Join(CelType left, CelType right)
    {
        if (left.Kind != right.Kind)
        {
            return Dyn;
        }

        return left.Kind switch
        {
            CelKind.List => ListOf(Join(left.Item!, right.Item!)),
            CelKind.Map => MapOf(Join(left.Item!, right.Item!)),
            _ => left,
        };
    }

    public override string ToString() => Kind switch
    {
        CelKind.List => $"list({Item})",
        CelKind.Map => $"map({Item})",
        CelKind.Null => "null",
        _ => Kind.ToString().ToLowerInvariant(),
    };
}

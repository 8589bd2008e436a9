namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>Functions on text and collections that need no state.</summary>
internal static class CelFunctions
{
    private static CelValue NoOverload => CelValue.Error("no matching overload");

    private static CelValue TooCostly => CelValue.Error("the evaluation costs too much");

    public static CelValue Not(scoped in CelValue value, CelActivation activation) =>
        value.Kind == CelKind.Bool ? CelValue.Of(!value.Boolean) : NoOverload;

    public static CelValue StartsWith(scoped in CelValue text, scoped in CelValue part, CelActivation activation) =>
        AreTexts(in text, in part) ? Pay(part.Text.Length, activation, text.Text.StartsWith(part.Text)) : NoOverload;

    public static CelValue EndsWith(scoped in CelValue text, scoped in CelValue part, CelActivation activation) =>
        AreTexts(in text, in part) ? Pay(part.Text.Length, activation, text.Text.EndsWith(part.Text)) : NoOverload;

    public static CelValue Contains(scoped in CelValue text, scoped in CelValue part, CelActivation activation)
    {
        if (!AreTexts(in text, in part))
        {
            return NoOverload;
        }

        // The search may compare the whole part at every place: it pays for the product, so no pair of texts is expensive.
        long work = Math.Min((long)text.Text.Length * Math.Max(part.Text.Length / CelLimits.BytesPerStep, 1), int.MaxValue);
        return activation.PayBytes((int)work) ? CelValue.Of(text.Text.IndexOf(part.Text) >= 0) : TooCostly;
    }

    public static CelValue IsIn(scoped in CelValue value, scoped in CelValue container, CelActivation activation)
    {
        if (container.Kind == CelKind.Map)
        {
            return CelValue.Of(container.Container!.TryGet(in container, in value, activation, out _));
        }

        if (container.Kind != CelKind.List)
        {
            return NoOverload;
        }

        int count = container.Container!.Count(in container, activation);
        for (int i = 0; i < count; i++)
        {
            if (!activation.Step())
            {
                return TooCostly;
            }

            CelValue item = container.Container.At(in container, i, activation);
            if (CelEquality.AreEqual(in value, in item, activation))
            {
                return CelValue.Of(true);
            }
        }

        return CelValue.Of(false);
    }

    public static CelValue Equal(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        CelValue.Of(CelEquality.AreEqual(in left, in right, activation));

    public static CelValue NotEqual(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        CelValue.Of(!CelEquality.AreEqual(in left, in right, activation));

    public static CelValue Less(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        Ordered(in left, in right, activation) ? CelValue.Of(CelEquality.Compare(in left, in right) < 0) : NoOverload;

    public static CelValue LessOrEqual(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        Ordered(in left, in right, activation) ? CelValue.Of(CelEquality.Compare(in left, in right) <= 0) : NoOverload;

    public static CelValue Greater(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        Ordered(in left, in right, activation) ? CelValue.Of(CelEquality.Compare(in left, in right) > 0) : NoOverload;

    public static CelValue GreaterOrEqual(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        Ordered(in left, in right, activation) ? CelValue.Of(CelEquality.Compare(in left, in right) >= 0) : NoOverload;

    private static bool Ordered(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        CelEquality.HasOrder(left.Kind, right.Kind) && activation.PayBytes(Math.Min(left.Text.Length, right.Text.Length));

    private static bool AreTexts(scoped in CelValue text, scoped in CelValue part) =>
        text.Kind == CelKind.String && part.Kind == CelKind.String;

    private static CelValue Pay(int bytes, CelActivation activation, bool result) =>
        activation.PayBytes(bytes) ? CelValue.Of(result) : TooCostly;
}

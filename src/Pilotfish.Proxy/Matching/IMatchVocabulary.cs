using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Matching;

/// <summary>The inputs and actions that matchers have in one place of the configuration. Main loop.</summary>
internal interface IMatchVocabulary<TFacts, TAction>
    where TAction : class
{
    /// <summary>Null for a type that is no input here.</summary>
    MatchInput<TFacts>? Input(ExtensionConfig config);

    /// <summary>Null for a type that is no action here.</summary>
    TAction? Action(ExtensionConfig config);
}

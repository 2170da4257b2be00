using PolyType;

namespace QuickStart;

/// <summary>What is streamed. The generator makes its shape; no reflection is needed.</summary>
[GenerateShape]
public sealed partial record Line(int Number, string Text, bool IsLast);

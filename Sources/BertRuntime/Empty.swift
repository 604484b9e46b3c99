import BertCore
